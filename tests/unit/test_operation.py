"""Declaring operations: errors are reported at import, by name and with the reason."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from fakeredis import FakeRedis, FakeServer
from pydantic import BaseModel, Field, SecretStr

from callboard import File, Job, operation
from callboard.jobs.checked_parameters import Validated
from callboard.jobs.errors import (
    InvalidParameters,
    OperationError,
    ResultNotSerialisable,
    UnknownOperation,
)
from callboard.jobs.files.records import new_file_id
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.jobs.relay import Relay
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService
from tests.ticks import Nowhere


class Options(BaseModel):
    depth: int = 1
    names: list[str] = []


class Clusters(BaseModel):
    count: int
    members: dict[str, list[str]]


@operation(max_running=2, slots={"gpu": 2}, unique=True, max_retries=3, queue="heavy")
def clustering(
    genes: list[str],
    resolution: Annotated[float, Field(gt=0)] = 1.0,
    options: Options | None = None,
    *,
    job: Job,
) -> Clusters:
    """Cluster genes.

    By their interactions.
    """
    job.step("Counting")
    depth = options.depth if options else 1
    return Clusters(count=len(genes), members={f"{resolution}/{depth}": genes})


@operation
def plain(n: int, pair: tuple[int, int] = (1, 2)) -> int:
    return n + sum(pair)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"name": "Wrong Name"}, "lower case"),
        ({"queue": "Heavy!"}, "queue 'Heavy!'"),
        ({"time_limit": "0s"}, "time_limit"),
        ({"time_limit": "soon"}, "soon"),
        ({"max_running": 0}, "max_running"),
        ({"max_active": 0}, "max_active"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1001}, "max_retries"),
        ({"on_conflict": "ignore"}, "on_conflict"),
        ({"isolation": "fiber"}, "isolation"),
        ({"memory_limit": "1GiB"}, "memory_limit needs isolation='process'"),
        ({"isolation": "process", "memory_limit": "1MiB"}, "at least 64MiB"),
        ({"isolation": "process", "memory_limit": "much"}, "much"),
        ({"isolation": "process", "stop_grace": "6m"}, "stop_grace"),
        ({"result_ttl": "59m"}, "result_ttl"),
        ({"result_ttl": "8d"}, "result_ttl"),
        ({"slots": {"gpu": 0}}, "slots"),
        ({"slots": {"no such name": 1}}, "slots"),
        ({"backoff": "10s"}, "10s"),
        ({"backoff": "5m..10s"}, "5m..10s"),
    ],
)
def test_an_invalid_declaration_is_refused_by_name_with_the_reason(
    chosen: dict[str, Any], reason: str
) -> None:
    def slow_sum(n: int) -> int:
        return n

    with pytest.raises(OperationError) as error:
        operation(**chosen)(slow_sum)

    assert str(error.value).startswith(chosen.get("name", "slow_sum") + ": ")
    assert reason in str(error.value)


def untyped(n):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    return n


def many(*numbers: int) -> int:
    return sum(numbers)


def named(**numbers: int) -> int:
    return sum(numbers.values())


def positional(n: int, /) -> int:
    return n


def unknown_hint(n: "Nowhere") -> int:  # type: ignore[name-defined]
    return id(n)


class Opaque:
    """A value that JSON cannot express."""


def opaque(n: Opaque) -> int:
    return id(n)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (untyped, "'n' has no type hint"),
        (many, "'numbers' cannot be passed by name"),
        (named, "'numbers' cannot be passed by name"),
        (positional, "'n' cannot be passed by name"),
        (unknown_hint, "Nowhere"),
        (opaque, "no schema"),
    ],
)
def test_a_signature_that_cannot_be_submitted_is_refused(function: Any, reason: str) -> None:
    with pytest.raises(OperationError, match=rf"^{function.__name__}: .*{reason}"):
        operation(function)


def test_the_schema_has_every_parameter_but_the_handle() -> None:
    schema = clustering.parameters.schema

    assert list(schema["properties"]) == ["genes", "resolution", "options"]
    assert schema["required"] == ["genes"]
    assert schema["properties"]["resolution"]["exclusiveMinimum"] == 0
    assert schema["additionalProperties"] is False
    assert clustering.parameters.wants_job


def test_the_docstring_and_the_return_annotation_describe_the_operation() -> None:
    assert clustering.description == "Cluster genes.\n\nBy their interactions."
    assert set(clustering.parameters.result_schema["properties"]) == {"count", "members"}


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"genes": "BRCA1"}, "/genes"),
        ({"genes": ["a", 1]}, "/genes/1"),
        ({}, "/genes"),
        ({"genes": [], "resolution": "1.0"}, "/resolution"),
        ({"genes": [], "resolution": 0}, "/resolution"),
        ({"genes": [], "resolution": float("nan")}, "/resolution"),
        ({"genes": [], "options": {"depth": "1"}}, "/options/depth"),
        ({"genes": [], "surplus/~": 1}, "/surplus~1~0"),
        ({"genes": [], "job": 1}, "/job"),
        ({"genes": object()}, ""),
    ],
)
def test_parameters_are_validated_strictly_and_errors_have_pointers(
    params: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidParameters) as error:
        clustering.parameters.check(params)

    assert pointer in [place for place, _ in error.value.errors]


def test_a_whole_number_may_be_written_with_an_empty_fraction() -> None:
    arguments = plain.parameters.arguments({"n": 1.0, "pair": [2.0, 3]})

    assert arguments == {"n": 1, "pair": (2, 3)}
    assert type(arguments["n"]) is int
    for wrong in (1.5, 1e300):
        with pytest.raises(InvalidParameters):
            plain.parameters.check({"n": wrong})


def test_arguments_have_the_annotated_types() -> None:
    arguments = clustering.parameters.arguments({"genes": [], "options": {"depth": 2}})

    assert arguments["options"] == Options(depth=2)
    assert plain.parameters.arguments({"n": 1, "pair": [3, 4]})["pair"] == (3, 4)


def test_a_result_that_does_not_match_its_annotation_is_an_error_without_retry() -> None:
    with pytest.raises(ResultNotSerialisable, match="/count") as failure:
        clustering.parameters.returns.read({"count": "many", "members": {}})

    assert not failure.value.retryable


def test_calling_an_operation_runs_the_plain_function() -> None:
    assert plain(1, pair=(0, 0)) == 1
    assert clustering(["a"], job=Job("0199", 1)).count == 1


def test_equal_parameters_have_equal_fingerprints_whatever_their_order() -> None:
    spelled = clustering.submission("1", clustering.validated({"resolution": 1.0, "genes": ["a"]}))
    short = clustering.submission("2", clustering.validated({"genes": ["a"]}))
    other = clustering.submission("3", clustering.validated({"genes": ["b"]}))

    assert spelled.fingerprint == short.fingerprint != other.fingerprint


def test_jobs_that_need_not_be_unique_have_no_fingerprint() -> None:
    assert plain.submission("1", plain.validated({"n": 1})).fingerprint is None


def test_a_model_is_stored_and_answered_with_the_names_of_its_schema() -> None:
    class Range(BaseModel):
        begin: int = Field(alias="from")

    @operation
    def shift(span: Range) -> Range:
        return span

    stored = shift.submission("1", shift.validated({"span": {"from": 1}})).params

    assert stored == {"span": {"from": 1}}
    returned = shift.parameters.returns.read(shift(**shift.parameters.arguments(stored)))
    assert returned.described() == {"from": 1}


def test_a_secret_is_refused_as_parameter_and_as_result() -> None:
    def give(password: SecretStr) -> int:
        return len(password.get_secret_value())

    def take() -> SecretStr:
        return SecretStr("x")

    for function in (give, take):
        with pytest.raises(OperationError, match="secret"):
            operation(function)


def test_unique_by_decides_which_jobs_are_equal() -> None:
    @operation(unique_by=lambda n: n)
    def loose(n: int, note: str = "") -> int:
        return n + len(note)

    first, second = ({"n": 1, "note": note} for note in "ab")

    assert (
        loose.submission("1", loose.validated(first)).fingerprint
        == loose.submission("2", loose.validated(second)).fingerprint
    )


def test_a_submission_has_the_operations_rules_and_the_callers_choices_override_them() -> None:
    ruled = clustering.submission("1", clustering.validated({"genes": []}))
    chosen = clustering.submission(
        "2", clustering.validated({"genes": []}), priority=9, on_conflict="replace"
    )

    assert (ruled.queue, ruled.slots, ruled.max_retries) == ("heavy", "resource:gpu=2", 3)
    assert (ruled.priority, ruled.on_conflict) == (5, "reject")
    assert (chosen.priority, chosen.on_conflict) == (9, "replace")


def test_an_operation_names_the_slots_of_its_jobs() -> None:
    assert clustering.limited_slots() == ("operation:clustering", "resource:gpu")


def test_a_registry_finds_operations_and_refuses_duplicate_names() -> None:
    def other(n: int) -> int:
        return n

    registry = Registry([clustering, plain, plain])

    assert registry.get("plain") is plain
    assert registry.queues() == ["default", "heavy"]
    with pytest.raises(UnknownOperation, match="'absent'"):
        registry.get("absent")
    with pytest.raises(OperationError, match="plain: declared in"):
        Registry([plain, operation(name="plain")(other)])


@pytest.mark.parametrize("resources", [{}, {"gpu": 1}])
def test_an_operation_that_needs_more_places_than_exist_is_refused(
    resources: dict[str, int],
) -> None:
    with pytest.raises(OperationError, match="clustering: needs 2 of resource 'gpu'"):
        Registry([clustering]).limits(resources)


def test_the_registry_declares_a_limit_for_every_slot() -> None:
    limits = Registry([clustering, plain]).limits({"gpu": 2, "licence": 1})

    assert limits == {
        "operation:clustering": 2,
        "operation:plain": None,
        "resource:gpu": 2,
        "resource:licence": 1,
    }


def test_an_async_function_can_be_an_operation() -> None:
    async def later(n: int) -> int:
        return n

    declared = operation(later)

    assert declared.is_async
    assert declared.parameters.returns.read(3).described() == 3


def test_parameters_with_files_are_checked_in_two_parts() -> None:
    @operation
    def read(documents: list[File]) -> None: ...

    seen = []

    class Files(Store):
        def pipeline(self, *commands: Sequence[Any], atomic: bool = False) -> list[Any]:
            seen.append("look up")
            return super().pipeline(*commands, atomic=atomic)

    def apart(declared: Operation, params: Mapping[str, Any], /) -> Validated:
        seen.append("begin")
        result = declared.validated(params)
        seen.append("end")
        return result

    store = Files(FakeRedis(server=FakeServer(version=(7, 2)), protocol=2), "test")
    submissions = SubmissionService(
        store, Nowhere(), Relay(store, Nowhere()), Registry([read]), max_active=10
    )

    with pytest.raises(InvalidParameters):
        submissions.prepare(read, {"documents": [new_file_id()]}, check=apart)

    assert seen == ["begin", "end", "look up"]
