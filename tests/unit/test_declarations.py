"""Declarations work, or one sentence at import names the function and the parameter."""

import functools
import threading
import warnings
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from callboard import File, operation
from callboard.jobs.errors import OperationError, OperationFault
from callboard.jobs.registry import discover

pytestmark = pytest.mark.check

FILE = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"


def shadow(  # noqa: PLR0913, PLR0917 — names are what it is about
    model_config: dict[str, int],
    model_extra: str,
    model_dump: str,
    model_fields_set: str,
    json: str,
    schema: str,
    copy: int,
    validate: bool,
    dict: str,  # noqa: A002
    cls: str,
    self: str,
    _token: str,
    __secret: str,
    params: str,
    parameter: str,
) -> list[Any]:
    return [
        *(model_config, model_extra, model_dump, model_fields_set, json, schema, copy, validate),
        *(dict, cls, self, _token, __secret, params, parameter),
    ]


def test_parameters_may_have_names_that_pydantic_reserves() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declared = operation(unique=True)(shadow)
    names = shadow.__code__.co_varnames[: shadow.__code__.co_argcount]
    given = dict(zip(names, [{"a": 1}, "b", "c", "d", "e", "f", 8, True, *"jklmnop"], strict=True))

    submission = declared.submission("1", declared.validated(given))

    assert submission.params == given
    assert declared(**declared.parameters.arguments(submission.params)) == list(given.values())
    assert list(declared.parameters.schema["properties"]) == list(names)
    assert declared.parameters.schema["properties"]["model_extra"]["title"] == "Model Extra"


def test_an_authors_alias_applies_to_such_a_name() -> None:
    @operation
    def private(_token: Annotated[str, Field(alias="token", min_length=2)]) -> str:
        return _token

    assert private(**private.parameters.arguments({"token": "ab"})) == "ab"
    assert private.parameters.schema["properties"]["token"]["minLength"] == 2


def test_a_file_parameter_has_the_name_of_its_alias() -> None:
    @operation
    def scan(_page: File, document: Annotated[File, Field(alias="doc")]) -> None:
        del _page, document

    assert set(scan.parameters.files) == {"_page", "doc"}
    assert {use.pointer for use in scan.parameters.check({"_page": FILE, "doc": FILE}).uses} == {
        "/_page",
        "/doc",
    }


def test_a_default_of_none_makes_a_parameter_optional() -> None:
    def greet(
        text: str,
        language: str = None,  # type: ignore[assignment]  # noqa: RUF013
        times: Annotated[int, Field(ge=1), AfterValidator(lambda v: v + 1)] = None,  # type: ignore[assignment]  # noqa: RUF013
    ) -> Any:
        return text, language, times

    greeting = operation(greet)
    arguments = greeting.parameters.arguments

    assert greet(**arguments({"text": "a"})) == ("a", None, None)
    assert greet(**arguments({"text": "a", "language": "en", "times": 1})) == ("a", "en", 2)
    assert greeting.parameters.schema["properties"]["times"]["anyOf"][0]["minimum"] == 1


def wrong_default(n: int, text: str = 5) -> None:  # type: ignore[assignment]
    del n, text


def bounded_default(n: Annotated[int, Field(ge=1)] = 0) -> None:
    del n


def handle_as_data(job: str) -> None:
    del job


def unreadable(n: "1 +") -> None:  # type: ignore[valid-type]  # noqa: F722
    del n


def bad_bound(n: Annotated[int, Field(ge="a")], m: int) -> None:  # type: ignore[arg-type]
    del n, m


class Strange:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise KeyError(source, handler)


def strange(m: int, n: Strange) -> None:
    del m, n


def doubled(a: Annotated[int, Field(alias="b")], b: int) -> None:
    del a, b


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (
            wrong_default,
            "default of parameter 'text' does not match its type: Input should be a va",
        ),
        (
            bounded_default,
            "default of parameter 'n' does not match its type: .*greater than or equal",
        ),
        (handle_as_data, "parameter 'job' is reserved for the running Job"),
        (unreadable, "type hints are invalid"),
        (bad_bound, "parameter 'n'"),
        (strange, "parameter 'n': KeyError|parameter 'n'"),
        (doubled, "has the alias 'b' of another parameter"),
    ],
)
def test_an_impossible_declaration_is_refused_by_function_and_parameter(
    function: Any, reason: str
) -> None:
    with pytest.raises(OperationError, match=rf"^{function.__name__}: .*({reason})") as error:
        operation(function)

    assert "\n" not in str(error.value)


def test_a_default_whose_validator_reads_other_parameters_is_accepted() -> None:
    def check(end: date | None, info: Any) -> date | None:
        assert end is None or end >= info.data["start"]
        return end

    @operation
    def span(start: date, end: Annotated[date | None, AfterValidator(check)] = date.max) -> Any:
        return start, end

    assert span.parameters.arguments({"start": "2026-01-01"})["end"] == date.max


@pytest.mark.parametrize("target", [functools.partial(print), "name", 5, int, None])
def test_an_object_that_is_not_a_function_is_refused(target: Any) -> None:
    with pytest.raises(OperationError, match="can only decorate functions"):
        operation()(target)


@pytest.mark.parametrize(
    ("option", "here"),
    [
        ("timeout", "time_limit"),
        ("soft_time_limit", "time_limit"),
        ("max_retry", "max_retries"),
        ("retries", "max_retries"),
        ("autoretry_for", "max_retries"),
        ("default_retry_delay", "backoff"),
        ("rate_limit", "submission_rate"),
        ("concurrency", "max_running"),
        ("concurrency_key", "max_running_per"),
        ("ttl", "result_ttl"),
        ("queue_name", "queue"),
        ("actor_name", "name"),
        ("bind", "job"),
        ("priority", "submitted"),
        ("max_retris", "max_retries"),
        ("isolaton", "isolation"),
        ("nonsense_that_nobody_has", "there is no option"),
    ],
)
def test_an_option_of_another_library_is_told_its_name_here(option: str, here: str) -> None:
    def work() -> None:
        return None

    with pytest.raises(
        OperationError, match=rf"^work: there is no option '{option}'.*{here}|{here}"
    ):
        operation(**{option: 1})(work)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"max_retries": "3"}, "max_retries must be a whole number"),
        ({"max_running": 2.0}, "max_running must be a whole number"),
        ({"max_running_per": {"tenant": 2.0}}, "max_running_per must map tenant or parameters to"),
        ({"max_running_per": {"tenant": 0}}, "max_running_per must map tenant or parameters to"),
        ({"max_running_per": {"corpus": 1}}, "'corpus', which is neither tenant nor a parameter"),
        ({"max_active": None}, "max_active must be a whole number"),
        ({"submission_rate": 30}, "30 is not a number per period, such as 100/10s"),
        ({"submission_rate": "30"}, "'30' is not a number per period, such as 100/10s"),
        ({"submission_rate": "0/1m"}, "it must allow 1 to 1000000, not 0"),
        ({"unique": lambda n: n}, "unique must be True or False; see unique_by"),
        ({"queue": 5}, "queue must be text"),
        ({"time_limit": None}, "time_limit|duration"),
        ({"slots": {"gpu": 1.5}}, "slots"),
        ({"slots": ["gpu"]}, "."),
        ({"capacity_groups": {"desk": 0}}, "capacity_groups must map names of groups to"),
        ({"capacity_groups": {"desk": "8"}}, "capacity_groups must map names of groups to"),
        ({"capacity_groups": {"a desk": 8}}, "capacity_groups must map names of groups to"),
    ],
)
def test_an_option_of_another_type_is_refused_in_a_sentence(
    chosen: dict[str, Any], reason: str
) -> None:
    def work(n: int) -> None:
        del n

    with pytest.raises(OperationError, match=rf"^work: .*({reason})"):
        operation(**chosen)(work)


@pytest.mark.parametrize(
    ("unique_by", "reason"),
    [
        ("n", "must be a plain function"),
        (len, "has parameters that cannot be passed by name"),
        (lambda params: params["n"], "takes 'params', which is not a parameter"),
        (lambda *values: values, "has parameters that cannot be passed by name"),
    ],
)
def test_a_unique_by_with_a_wrong_signature_is_refused(unique_by: Any, reason: str) -> None:
    def work(n: int) -> None:
        del n

    with pytest.raises(OperationError, match=rf"^work: unique_by .*{reason}.*`lambda n: \.\.\.`"):
        operation(unique_by=unique_by)(work)


@pytest.mark.parametrize(
    "unique_by",
    [
        lambda when: when.year,
        lambda when, note="": (when.year, note is None),
        lambda **params: params["when"].year,
        lambda when, absent=5: [when.year, absent],
    ],
)
def test_unique_by_gets_parameters_like_the_function(unique_by: Any) -> None:
    @operation(unique_by=unique_by)
    def work(when: date, note: str = "") -> None:
        del when, note

    def mark(when: str, note: str) -> str | None:
        return work.submission("1", work.validated({"when": when, "note": note})).fingerprint

    assert mark("2026-01-01", "a") == mark("2026-02-02", "b") != mark("2027-01-01", "a")


def test_an_error_in_unique_by_is_an_error_of_the_operation() -> None:
    @operation(unique_by=lambda n: {"a": 1}[n])
    def work(n: str) -> None:
        del n

    with pytest.raises(OperationFault, match=r"'work' failed to tell jobs apart.*KeyError"):
        work.submission("1", work.validated({"n": "b"}))


class Rude(ValueError):
    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    "error",
    [KeyError("a"), ZeroDivisionError(), TypeError(), SystemExit(4), KeyboardInterrupt(), Rude()],
)
def test_an_unexpected_error_in_a_validator_is_an_error_of_the_operation(
    error: BaseException,
) -> None:
    def fail(_value: int) -> int:
        raise error

    @operation(name="lookup")
    def work(n: Annotated[int, AfterValidator(fail)]) -> None:
        del n

    found: list[BaseException] = []

    def run() -> None:
        for use in (work.parameters.check, work.parameters.arguments):
            try:
                use({"n": 1})
            except OperationFault as fault:
                found.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert [str(each).startswith("The operation 'lookup' failed to check") for each in found] == [
        True,
        True,
    ]
    assert all(each.__cause__ is not None for each in found)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_package_anywhere", "No module named 'no_such_package_anywhere'"),
        ("from callboard import no_such_name", "ImportError: cannot import name"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("class Odd(Exception):\n    def __str__(self): raise KeyError\nraise Odd", "Odd"),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported_in_one_sentence_with_the_place(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"operations_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(OperationError, match=rf"^{name}: cannot be imported: .*{reason}") as error:
        discover([name])

    assert "\n" not in str(error.value)
    assert f"{name}.py" in str(error.value)
