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
from callboard.config.public_url import PublicUrl
from callboard.config.storage import Folder, LocalFile, StorageUrl
from callboard.config.telemetry import can_export
from callboard.config.tls import TLS
from callboard.config.values import (
    ApiKeys,
    Duration,
    DurationBetween,
    Modules,
    Networks,
    PemFile,
    Places,
    RequestRate,
    Size,
    SizeBetween,
    Words,
    is_loopback,
    lower,
)

PREFIX = "CALLBOARD_"


# long: one object holds every setting, and the reference is made from it.
class Settings(BaseSettings):
    """What a web, worker or operator's process is told by its environment.

    A value object: reading it connects to nothing. Secrets are shown masked, so it may be logged.
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
        description="RabbitMQ's address, `amqp://` or `amqps://`. "
        "Without it and without Redis, everything runs in one process.",
    )
    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("CALLBOARD_REDIS_URL", "REDIS_URL"),
        description="Redis' address, `redis://`, `rediss://` or `unix://`.",
    )
    tls_ca_file: PemFile | None = Field(
        default=None,
        description="A PEM file of authorities to trust besides the system's, for `amqps://` and "
        "`rediss://`, whose certificates are always verified. Read at each connection.",
    )
    tls_cert_file: PemFile | None = Field(
        default=None,
        description="A PEM file of the certificate that RabbitMQ and Redis are shown, if they ask.",
    )
    tls_key_file: PemFile | None = Field(
        default=None,
        description="A PEM file of the certificate's key, without a password; not needed if the "
        "certificate's file holds it.",
    )
    namespace: str = Field(
        default="callboard",
        pattern=r"^[a-z0-9_-]{1,32}$",
        description="Keeps several deployments apart in one Redis and one RabbitMQ: "
        "keys and queues begin with it.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Where the web server listens; anything but loopback requires API keys.",
    )
    port: int = Field(
        default=8000,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("CALLBOARD_PORT", "PORT"),
        description="The web server's TCP port.",
    )
    web_concurrency: int = Field(
        default=2,
        ge=1,
        le=64,
        validation_alias=AliasChoices("CALLBOARD_WEB_CONCURRENCY", "WEB_CONCURRENCY"),
        description="How many processes the web server starts.",
    )
    threads: int = Field(
        default=4, ge=1, le=256, description="How many jobs one worker process runs at a time."
    )
    lease: Annotated[Duration, AfterValidator(DurationBetween("1s", "1h"))] = Field(
        default=timedelta(seconds=20),
        description="How long a running job is safe from being handed on without a heartbeat.",
    )
    shutdown_grace: Annotated[Duration, AfterValidator(DurationBetween("0s", "1h"))] = Field(
        default=timedelta(seconds=10),
        description="How long a stopping worker lets running jobs go on before it releases them.",
    )
    stuck_after: Annotated[Duration, AfterValidator(DurationBetween("1s", "24h"))] = Field(
        default=timedelta(minutes=5),
        description="How long a function may go on after it was told to stop, until its thread "
        "counts as stuck. A worker with no other threads left ends, to be started again.",
    )
    drain_delay: Annotated[Duration, AfterValidator(DurationBetween("0s", "10m"))] = Field(
        default=timedelta(0),
        description="How long a stopping web process still takes requests while `/readyz` says "
        "503, so that a load balancer notices.",
    )
    publish_deadline: Annotated[Duration, AfterValidator(DurationBetween("100ms", "30s"))] = Field(
        default=timedelta(seconds=2),
        description="How long a request waits for RabbitMQ's confirm; the job is kept either way.",
    )
    queue_type: Annotated[Literal["classic", "quorum"], BeforeValidator(lower)] = Field(
        default="classic",
        description="RabbitMQ's queue type; `quorum` for a cluster. Fixed once queues exist.",
    )
    durability: Annotated[Literal["standard", "strict"], BeforeValidator(lower)] = Field(
        default="standard",
        description="`strict` answers 202 only when Redis has written the job to disk.",
    )
    resources: Places = Field(
        default_factory=dict,
        description="Places in shared resources, such as `gpu=1,license=3`.",
    )
    operations: Modules = Field(
        default=(),
        description="Modules with operations of your own, comma-separated.",
    )
    max_active: int = Field(
        default=100_000,
        ge=1,
        le=100_000_000,
        description="Active jobs of all operations together; beyond it submissions get 503.",
    )
    max_body_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "1GiB"))] = Field(
        default=1024**2, description="Largest JSON or msgpack body of a request."
    )
    max_batch_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "1GiB"))] = Field(
        default=16 * 1024**2, description="Largest JSON or msgpack body of a batch."
    )
    max_json_depth: int = Field(
        default=32, ge=1, le=256, description="Deepest nesting in a request's body."
    )
    max_wait: Annotated[Duration, AfterValidator(DurationBetween("0s", "10m"))] = Field(
        default=timedelta(seconds=60), description="Longest wait that a request may ask for."
    )
    inline_result_bytes: Annotated[Size, AfterValidator(SizeBetween("0B", "16MiB"))] = Field(
        default=64 * 1024, description="Largest result that is shown within the job itself."
    )
    max_result_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "512MiB"))] = Field(
        default=16 * 1024**2,
        description="Largest result, without the files in it; a job with a larger one fails. "
        "An operation's `max_result` wins over it.",
    )
    stored_result_bytes: Annotated[Size, AfterValidator(SizeBetween("1KiB", "16MiB"))] = Field(
        default=256 * 1024,
        description="Largest compressed result that Redis keeps; larger ones go where files are.",
    )
    max_log_lines: int = Field(
        default=1000, ge=0, le=1_000_000, description="Lines kept of a job's log."
    )
    max_log_bytes: Annotated[Size, AfterValidator(SizeBetween("0B", "64MiB"))] = Field(
        default=256 * 1024, description="Bytes kept of a job's log."
    )
    signing_key: SigningKey | None = Field(
        default=None,
        description="What the secrets that sign callbacks are derived from: at least 32 random "
        "characters, the same for web and workers. Without it no callbacks are taken.",
    )
    callback_hosts: HostPatterns = Field(
        default=(),
        description="The only hosts that callbacks may go to, such as `hooks.example.com` and "
        "`*.example.com`; without it, any.",
    )
    callback_networks: Networks = Field(
        default=(),
        description="Addresses or networks that callbacks may go to besides public ones, also "
        "over `http`; such as `10.20.0.0/16`.",
    )
    callback_ports: Ports = Field(
        default=(443, 8443), description="TCP ports that callbacks may go to."
    )
    callback_retries: Durations = Field(
        default=RETRIES,
        description="How long to wait after each attempt to deliver a callback that failed, "
        "before the next; after the last one no more are made.",
    )
    storage_url: StorageUrl | None = Field(
        default=None,
        description="Where files are kept: a folder that web and workers share, or "
        "`s3://bucket/prefix`, with `AWS_*` variables for the rest. Without it, the folder "
        "`var/files`, or in the one-process server a temporary one that goes with it.",
    )
    staging_dir: Folder | None = Field(
        default=None,
        description="A local folder for what comes in or goes out; by default `.staging` in the "
        "storage's folder, else in the system's temporary one.",
    )
    max_file_bytes: Annotated[Size, AfterValidator(SizeBetween("1B", "1024GiB"))] = Field(
        default=2 * 1024**3, description="Largest file that is taken, from clients or jobs."
    )
    tenant_storage_bytes: Annotated[Size, AfterValidator(SizeBetween("1B", "1048576GiB"))] = Field(
        default=20 * 1024**3, description="Bytes that all files of one tenant may take."
    )
    file_ttl: Annotated[Duration, AfterValidator(DurationBetween("1h", "7d"))] = Field(
        default=timedelta(hours=24),
        description="How long a file is kept that no job uses; a job's files stay as long as it.",
    )
    schedules_file: LocalFile | None = Field(
        default=None,
        description="A TOML file of jobs that are made again and again, each a table of its own. "
        "Checked when a process starts, and put into Redis by workers.",
    )
    public_url: PublicUrl | None = Field(
        default=None,
        description="Where clients reach the server, such as `https://example.com/jobs`: the base "
        "of all addresses in answers, callbacks and the OpenAPI document, whatever requests say.",
    )
    hosts: HostPatterns = Field(
        default=(),
        description="The only names by which requests may call the server, such as "
        "`jobs.example.com` and `*.example.com`, beside that of the public URL; others get 421. "
        "Without it any, but while no key is needed only those of loopback.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses or networks whose `X-Forwarded-*` headers are believed.",
    )
    rate_limit: RequestRate | None = Field(
        default=None,
        description="How many requests of one tenant are taken in how much time, such as "
        "`100/10s`; beyond it they get 429. All may come at once, then as many as time allows.",
    )
    api_keys: ApiKeys = Field(
        default=(),
        description="Keys as `tenant:role:sha256`, comma-separated, each with its SHA-256 in hex. "
        "Roles: `viewer`, `client`, `operator`, `admin`.",
    )
    require_keys: bool = Field(
        default=False,
        description="Lets nobody in without a key, even while there is none. Keys that "
        "`callboardctl keys create` makes count beside those of `CALLBOARD_API_KEYS`.",
    )
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lower)] = Field(
        default="auto", description="`auto` writes text on a terminal and JSON elsewhere."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = (
        Field(default="info", description="The least severe log lines that are written.")
    )
    telemetry: Annotated[Literal["off", "otlp"], BeforeValidator(lower)] = Field(
        default="off",
        description="`otlp` sends traces of requests and runs; `OTEL_*` variables say where to. "
        "Needs the extra `telemetry`.",
    )
    testing: bool = Field(
        default=False, description="For tests alone: allows fault points and the test clock."
    )
    fault_points: Words = Field(
        default=(), description="For tests alone: names of armed fault points."
    )

    @property
    def embedded(self) -> bool:
        """Whether web, worker and housekeeper share this process, with no servers."""
        return self.broker_url is None and self.redis_url is None

    @property
    def shows_tracebacks(self) -> bool:
        """Whether a developer reads the log, who may see what functions raise and say."""
        return self.embedded and self.log_format != "json"

    @property
    def tls(self) -> TLS:
        """Whom to trust at `amqps://` and `rediss://`, and what to show."""
        return TLS(self.tls_ca_file, self.tls_cert_file, self.tls_key_file)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for sentence in self._contradictions():
            raise PydanticCustomError("contradiction", "{sentence}", {"sentence": sentence})
        return self

    def _contradictions(self) -> Iterator[str]:
        way_out = "set both, or neither to run everything in one process"
        if self.broker_url and not self.redis_url:
            yield f"CALLBOARD_BROKER_URL is set but CALLBOARD_REDIS_URL is not; {way_out}"
        if self.redis_url and not self.broker_url:
            yield f"CALLBOARD_REDIS_URL is set but CALLBOARD_BROKER_URL is not; {way_out}"
        if not is_loopback(self.host):
            yield from self._open_doors()
        if self.embedded and self.durability == "strict":
            yield "CALLBOARD_DURABILITY=strict needs a server that keeps data: CALLBOARD_REDIS_URL"
        if self.embedded and self.require_keys and not self.api_keys:
            yield (
                "CALLBOARD_REQUIRE_KEYS=true lets nobody into the one-process server, which has "
                "no keys but those of CALLBOARD_API_KEYS"
            )
        yield from self._certificates()
        yield from self._sizes()
        yield from self._missing_packages()
        if self.fault_points and not self.testing:
            yield "CALLBOARD_FAULT_POINTS is for tests alone; it needs CALLBOARD_TESTING=true"

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
                f"CALLBOARD_HOST={self.host} would open the one-process server to the network; "
                "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL, or listen on 127.0.0.1"
            )
        if not self.api_keys and not self.require_keys:
            yield (
                f"CALLBOARD_HOST={self.host} would let everybody in; "
                "set CALLBOARD_API_KEYS or CALLBOARD_REQUIRE_KEYS=true, or listen on 127.0.0.1"
            )


def variables_of(field: str) -> tuple[str, ...]:
    """Name the environment variables that set a field, the one that wins first."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (f"{PREFIX}{field.upper()}",)
