"""All settings of a process: their types, ranges, defaults and meanings."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from callboard.config.addresses import BrokerUrl, RedisUrl
from callboard.config.callbacks import RETRIES, Durations, HostPatterns, Ports, SigningKey
from callboard.config.extras import can_export
from callboard.config.named_values import Capacities, Places, Rates
from callboard.config.public_url import PublicUrl
from callboard.config.storage import Folder, LocalFile, StorageUrl
from callboard.config.tls import TLS
from callboard.config.values import (
    ApiKeys,
    Duration,
    DurationBetween,
    Modules,
    Networks,
    PemFile,
    RequestRate,
    RouteModules,
    Size,
    SizeBetween,
    Words,
    is_loopback,
    lower,
)

PREFIX = "CALLBOARD_"


# long: one object holds every setting, and the reference is generated from it.
class Settings(BaseSettings):
    """The settings of a web, worker or operator's process, read from its environment.

    A value object: creating it connects to nothing. Secrets are masked, so it may be logged.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        enable_decoding=False,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    broker_url: BrokerUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("CALLBOARD_BROKER_URL", "CLOUDAMQP_URL", "RABBITMQ_URL"),
        description="The URL of RabbitMQ, `amqp://` or `amqps://`. If neither this nor the URL of "
        "Redis is set, everything runs in one process.",
    )
    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("CALLBOARD_REDIS_URL", "REDIS_URL"),
        description="The URL of Redis, `redis://`, `rediss://` or `unix://`.",
    )
    tls_ca_file: PemFile | None = Field(
        default=None,
        description="A PEM file of certificate authorities to trust in addition to the system's, "
        "for `amqps://` and `rediss://`. Certificates are always verified. Read at "
        "each connection.",
    )
    tls_cert_file: PemFile | None = Field(
        default=None,
        description="A PEM file with the client certificate for RabbitMQ and Redis, if they "
        "require one.",
    )
    tls_key_file: PemFile | None = Field(
        default=None,
        description="A PEM file with the private key of the client certificate, without a "
        "password. Not needed if the certificate's file contains the key.",
    )
    namespace: str = Field(
        default="callboard",
        pattern=r"^[a-z0-9_-]{1,32}$",
        description="The prefix of all Redis keys and RabbitMQ queues. Separates deployments that "
        "share one Redis or one RabbitMQ.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address on which the web server listens. Any address but loopback "
        "requires API keys.",
    )
    port: int = Field(
        default=8000,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("CALLBOARD_PORT", "PORT"),
        description="The TCP port of the web server.",
    )
    web_concurrency: int = Field(
        default=2,
        ge=1,
        le=64,
        validation_alias=AliasChoices("CALLBOARD_WEB_CONCURRENCY", "WEB_CONCURRENCY"),
        description="The number of processes of the web server.",
    )
    threads: int = Field(
        default=4, ge=1, le=256, description="How many jobs a worker process runs at once."
    )
    queues: Words = Field(
        default=(),
        description="The queues whose jobs a worker runs, comma-separated; all by default.",
    )
    lease: Annotated[Duration, AfterValidator(DurationBetween("1s", "1h"))] = Field(
        default=timedelta(seconds=20),
        description="How long a running job's lease lasts without a heartbeat. After that, "
        "another worker may run the job.",
    )
    shutdown_grace: Annotated[Duration, AfterValidator(DurationBetween("0s", "1h"))] = Field(
        default=timedelta(seconds=10),
        description="How long running jobs may continue when a worker stops, before it releases "
        "them.",
    )
    stuck_after: Annotated[Duration, AfterValidator(DurationBetween("1s", "24h"))] = Field(
        default=timedelta(minutes=5),
        description="How long a function may continue after it was told to stop before its thread "
        "counts as stuck. A worker whose threads are all stuck exits, to be "
        "restarted.",
    )
    drain_delay: Annotated[Duration, AfterValidator(DurationBetween("0s", "10m"))] = Field(
        default=timedelta(0),
        description="How long a stopping web process still accepts requests while `/readyz` "
        "answers 503, so that a load balancer notices.",
    )
    publish_deadline: Annotated[Duration, AfterValidator(DurationBetween("100ms", "30s"))] = Field(
        default=timedelta(seconds=2),
        description="How long a submission waits for RabbitMQ to confirm the message. The job is "
        "accepted either way.",
    )
    queue_type: Annotated[Literal["classic", "quorum"], BeforeValidator(lower)] = Field(
        default="classic",
        description="The type of RabbitMQ queues; `quorum` for a cluster. Cannot be changed once "
        "the queues exist.",
    )
    durability: Annotated[Literal["standard", "strict"], BeforeValidator(lower)] = Field(
        default="standard",
        description="`strict` answers 202 only after Redis has written the job to disk.",
    )
    resources: Places = Field(
        default_factory=dict,
        description="Shared resources and their numbers of places, such as `gpu=1,license=3`.",
    )
    operations: Modules = Field(
        default=(),
        description="The modules of your operations, comma-separated.",
    )
    routes: RouteModules = Field(
        default=(),
        description="The modules of your own HTTP routes, comma-separated; "
        "`/prefix=package.module` puts a module's routes under that prefix instead of its own.",
    )
    max_active: int = Field(
        default=100_000,
        ge=1,
        le=100_000_000,
        description="The maximum number of active jobs of all operations. Further submissions get "
        "503.",
    )
    max_body_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "1GiB"))] = Field(
        default=1024**2, description="The maximum size of a JSON or msgpack request body."
    )
    max_batch_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "1GiB"))] = Field(
        default=16 * 1024**2, description="The maximum size of the JSON or msgpack body of a batch."
    )
    max_json_depth: int = Field(
        default=32, ge=1, le=256, description="The maximum nesting depth of a request body."
    )
    max_wait: Annotated[Duration, AfterValidator(DurationBetween("0s", "10m"))] = Field(
        default=timedelta(seconds=60), description="The longest wait that a request may ask for."
    )
    inline_result_bytes: Annotated[Size, AfterValidator(SizeBetween("0B", "16MiB"))] = Field(
        default=64 * 1024,
        description="The maximum size of a result that is included in the job object.",
    )
    max_result_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "512MiB"))] = Field(
        default=16 * 1024**2,
        description="The maximum size of a result, not counting files; a job with a larger one "
        "fails. An operation's `max_result` overrides this setting.",
    )
    stored_result_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "16MiB"))] = Field(
        default=256 * 1024,
        description="The maximum compressed size of a result in Redis. Larger results go to file "
        "storage.",
    )
    max_log_lines: int = Field(
        default=1000, ge=0, le=1_000_000, description="The maximum number of lines in a job's log."
    )
    max_log_bytes: Annotated[Size, AfterValidator(SizeBetween("0B", "64MiB"))] = Field(
        default=256 * 1024, description="The maximum size of a job's log."
    )
    signing_key: SigningKey | None = Field(
        default=None,
        description="The key from which the secrets that sign callbacks are derived: at least 32 "
        "random characters, the same for web and workers. Without it, submissions "
        "with a callback are rejected.",
    )
    callback_hosts: HostPatterns = Field(
        default=(),
        description="The only hosts to which callbacks may be sent, such as `hooks.example.com` "
        "and `*.example.com`. By default, any host.",
    )
    callback_networks: Networks = Field(
        default=(),
        description="Addresses or networks to which callbacks may be sent in addition to public "
        "ones, also over `http`, such as `10.20.0.0/16`.",
    )
    callback_ports: Ports = Field(
        default=(443, 8443), description="The TCP ports to which callbacks may be sent."
    )
    callback_retries: Durations = Field(
        default=RETRIES,
        description="The delays between attempts to deliver a callback. After the last delay and "
        "attempt, the delivery has failed.",
    )
    storage_url: StorageUrl | None = Field(
        default=None,
        description="Where files are stored: a folder that web and workers share, or "
        "`s3://bucket/prefix`, configured further by `AWS_*` variables. By default "
        "the folder `var/files`; in the one-process server a temporary folder, "
        "deleted when it stops.",
    )
    staging_dir: Folder | None = Field(
        default=None,
        description="A local folder for files during upload and before storage. By default "
        "`.staging` in the storage folder, or else the system's temporary folder.",
    )
    max_file_bytes: Annotated[Size, AfterValidator(SizeBetween("1B", "1024GiB"))] = Field(
        default=2 * 1024**3, description="The maximum size of a file, from clients or jobs."
    )
    tenant_storage_bytes: Annotated[Size, AfterValidator(SizeBetween("1B", "1048576GiB"))] = Field(
        default=20 * 1024**3, description="The maximum total size of a tenant's files."
    )
    file_ttl: Annotated[Duration, AfterValidator(DurationBetween("1h", "7d"))] = Field(
        default=timedelta(hours=24),
        description="How long a file that no job uses is kept. The files of a job are kept as "
        "long as the job.",
    )
    schedules_file: LocalFile | None = Field(
        default=None,
        description="A TOML file of schedules, one table each. Every process validates it at "
        "start, and workers write it to Redis.",
    )
    public_url: PublicUrl | None = Field(
        default=None,
        description="The URL by which clients reach the server, such as "
        "`https://example.com/jobs`: the base of all URLs in responses, callbacks and "
        "the OpenAPI document.",
    )
    hosts: HostPatterns = Field(
        default=(),
        description="The only host names that the server accepts, such as `jobs.example.com` and "
        "`*.example.com`, in addition to that of the public URL; others get 421. By "
        "default any name, or only loopback names while no key is required.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses or networks of proxies whose `X-Forwarded-*` headers are trusted.",
    )
    rate_limit: RequestRate | None = Field(
        default=None,
        description="How many requests each tenant may send per period, such as `100/10s`. "
        "Further requests get 429. A burst may use the whole quota, which then "
        "refills evenly.",
    )
    submission_rates: Rates = Field(
        default_factory=dict,
        description="How many jobs of an operation each tenant may submit per period, such as "
        "`parse_document=30/1m,add=100/10s`. Overrides the operation's `submission_rate`. Further "
        "submissions get 429.",
    )
    capacity_groups: Capacities = Field(
        default_factory=dict,
        description="How many jobs of all operations of a capacity group may be active, such as "
        "`curation=8`. Overrides what the operations declare in `capacity_groups`. Further "
        "submissions get 503.",
    )
    api_keys: ApiKeys = Field(
        default=(),
        description="API keys as `tenant:role:sha256`, comma-separated, with the SHA-256 of each "
        "key in hexadecimal. Roles: `viewer`, `client`, `operator`, `admin`.",
    )
    require_keys: bool = Field(
        default=False,
        description="Rejects every request without a valid key, even while no key exists. Keys "
        "created with `callboardctl keys create` are valid in addition to those in "
        "`CALLBOARD_API_KEYS`.",
    )
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lower)] = Field(
        default="auto", description="`auto` writes text on a terminal and JSON elsewhere."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = (
        Field(default="info", description="The lowest severity that is logged.")
    )
    telemetry: Annotated[Literal["off", "otlp"], BeforeValidator(lower)] = Field(
        default="off",
        description="`otlp` exports traces of requests and runs, configured by `OTEL_*` "
        "variables. Needs the extra `telemetry`.",
    )
    testing: bool = Field(
        default=False, description="For tests only: allows fault points and the test clock."
    )
    fault_points: Words = Field(
        default=(), description="For tests only: the names of armed fault points."
    )

    @property
    def embedded(self) -> bool:
        """Whether web, worker and housekeeper share this process, with no servers."""
        return self.broker_url is None and self.redis_url is None

    @property
    def shows_tracebacks(self) -> bool:
        """Whether a developer reads the log, and may see exceptions and their messages."""
        return self.embedded and self.log_format != "json"

    @property
    def tls(self) -> TLS:
        """Trusted authorities and the client certificate for `amqps://` and `rediss://`."""
        return TLS(self.tls_ca_file, self.tls_cert_file, self.tls_key_file)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for sentence in self._contradictions():
            raise PydanticCustomError("contradiction", "{sentence}", {"sentence": sentence})
        return self

    def _contradictions(self) -> Iterator[str]:
        way_out = "set both, or set neither to run everything in one process"
        if self.broker_url and not self.redis_url:
            yield f"CALLBOARD_BROKER_URL is set but CALLBOARD_REDIS_URL is not; {way_out}"
        if self.redis_url and not self.broker_url:
            yield f"CALLBOARD_REDIS_URL is set but CALLBOARD_BROKER_URL is not; {way_out}"
        if not is_loopback(self.host):
            yield from self._open_doors()
        if self.embedded and self.durability == "strict":
            yield "CALLBOARD_DURABILITY=strict needs a persistent Redis: set CALLBOARD_REDIS_URL"
        if self.embedded and self.require_keys and not self.api_keys:
            yield (
                "CALLBOARD_REQUIRE_KEYS=true needs CALLBOARD_API_KEYS in the one-process server, "
                "which has no other keys"
            )
        yield from self._certificates()
        yield from self._sizes()
        yield from self._missing_packages()
        if self.fault_points and not self.testing:
            yield "CALLBOARD_FAULT_POINTS is for tests only; it needs CALLBOARD_TESTING=true"

    def _certificates(self) -> Iterator[str]:
        if self.tls_key_file and not self.tls_cert_file:
            yield "CALLBOARD_TLS_KEY_FILE is set but CALLBOARD_TLS_CERT_FILE is not"
        elif (self.tls_ca_file or self.tls_cert_file) and (reason := self.tls.unfit()):
            yield reason

    def _sizes(self) -> Iterator[str]:
        if self.inline_result_bytes > self.max_result_bytes:
            yield "CALLBOARD_INLINE_RESULT_BYTES is larger than CALLBOARD_MAX_RESULT_BYTES"
        if self.max_file_bytes > self.tenant_storage_bytes:
            yield "CALLBOARD_MAX_FILE_BYTES is larger than CALLBOARD_TENANT_STORAGE_BYTES"

    def _missing_packages(self) -> Iterator[str]:
        if self.telemetry == "otlp" and not can_export():
            yield (
                "CALLBOARD_TELEMETRY=otlp needs packages that are not installed; "
                "install callboard[telemetry], or set it to off"
            )

    def _open_doors(self) -> Iterator[str]:
        if self.embedded:
            yield (
                f"CALLBOARD_HOST={self.host} would expose the one-process server to the network; "
                "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL, or listen on 127.0.0.1"
            )
        if not self.api_keys and not self.require_keys:
            yield (
                f"CALLBOARD_HOST={self.host} would give everyone access; "
                "set CALLBOARD_API_KEYS or CALLBOARD_REQUIRE_KEYS=true, or listen on 127.0.0.1"
            )


def variables_of(field: str) -> tuple[str, ...]:
    """Return the environment variables that set a field, in order of precedence."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (f"{PREFIX}{field.upper()}",)
