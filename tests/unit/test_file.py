"""Files as parameters and results."""

import asyncio
import gc
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from callboard import Accepts, File, Job, operation
from callboard.jobs.errors import InvalidParameters, OperationError, ResultNotSerialisable
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.names import check_name, guess_media_type
from callboard.jobs.files.parameters import FileParameter
from callboard.jobs.parameters import Parameters

pytestmark = pytest.mark.check

FIRST = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"
SECOND = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e78"
PDF: Any = File["application/pdf", "text/*", "50MiB"]
ACCEPTS = Accepts(media_types=("application/pdf", "text/*"), max_bytes=50 * 1024**2)


class Case(BaseModel):
    scan: PDF
    notes: list[File] = []


def parse(
    document: PDF,
    pages: list[Annotated[File, Accepts(media_types=("image/*",))]],
    cover: File | None = None,
    *,
    job: Job,
) -> None:
    del document, pages, cover, job


def test_brackets_are_equal_to_an_annotation() -> None:
    assert Annotated[File, ACCEPTS] == PDF
    assert File["10KB"] == Annotated[File, Accepts(max_bytes=10_000)]  # type: ignore[misc]


@pytest.mark.parametrize("wanted", [("text/*", "1MiB", "2MiB"), ("text/",), ("/",), ("1 parsec",)])
def test_empty_brackets_are_refused(wanted: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"size|media type|unit"):
        File[wanted]  # type: ignore[misc]


def test_an_invalid_declaration_names_its_function() -> None:
    def wrong(document: "File[nothing]") -> None:  # type: ignore[name-defined]  # noqa: F821
        del document

    wrong.__globals__["nothing"] = "text/"

    with pytest.raises(OperationError, match=r"wrong: .*'text/'"):
        operation(wrong)


@pytest.mark.parametrize(
    ("media_type", "size", "complaint"),
    [
        ("application/pdf", 1, None),
        ("Text/CSV; charset=utf-8", 1, None),
        ("image/png", 1, "is image/png; accepted: application/pdf, text/*"),
        ("application/pdf", 50 * 1024**2 + 1, "at most 52428800 are accepted"),
        ("application/pdfx", 1, "is application/pdfx"),
    ],
)
def test_a_file_is_accepted_by_type_and_size(
    media_type: str, size: int, complaint: str | None
) -> None:
    found = ACCEPTS.complaint(media_type, size)

    assert (found is None) == (complaint is None)
    assert (complaint or "") in (found or "")


def test_parameters_know_which_of_them_are_files() -> None:
    assert Parameters(parse).files == {
        "document": FileParameter(accepts=ACCEPTS),
        "pages": FileParameter(accepts=Accepts(media_types=("image/*",)), many=True),
        "cover": FileParameter(optional=True),
    }


def test_the_schema_of_a_file_states_what_is_accepted() -> None:
    schema = Parameters(parse).schema["properties"]["document"]

    assert schema["type"] == "string"
    assert schema["format"] == "uuid"
    assert schema["x-media-types"] == ["application/pdf", "text/*"]
    assert schema["x-max-bytes"] == 50 * 1024**2


def test_files_are_found_at_any_depth() -> None:
    def study(cases: dict[str, Case], first: File) -> None:
        del cases, first

    given = {"cases": {"a/b": {"scan": FIRST, "notes": [SECOND]}}, "first": SECOND}

    checked = Parameters(study).check(given)

    assert checked.params == given
    assert [(use.pointer, use.file_id) for use in checked.uses] == [
        ("/cases/a~1b/scan", FIRST),
        ("/cases/a~1b/notes/0", SECOND),
        ("/first", SECOND),
    ]
    assert checked.uses[0].accepts == ACCEPTS


@pytest.mark.parametrize("value", ["", "x", FIRST.upper(), 5, None, {"id": FIRST}])
def test_an_invalid_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameters):
        Parameters(_take).check({"document": value})


def _take(document: File) -> None:
    del document


def test_jobs_are_compared_by_the_content_of_files() -> None:
    checked = Parameters(_take).check({"document": FIRST})

    assert checked.meaning({FIRST: "sha256:1"}) == {"document": "sha256:1"}


def test_a_function_gets_fetched_files(tmp_path: Path) -> None:
    local = tmp_path / "x"
    local.write_bytes(b"here")

    def fetch(files: Any) -> None:
        for file in files:
            file.path = local

    arguments = Parameters(_take).arguments({"document": FIRST}, fetch)

    with arguments["document"].open() as stream:
        assert stream.read() == b"here"


@dataclass
class Found:
    name: str
    file: File


@pytest.mark.parametrize("shape", ["model", "any", "typed", "alone"])
def test_files_in_a_result_are_described_at_any_depth(shape: str) -> None:
    file = RunFiles().new("a.csv")
    assert file.path is not None
    file.path.write_bytes(b"1,2")
    functions: dict[str, tuple[Any, Any]] = {
        "model": (Found, Found("x", file)),
        "any": (Any, {"name": "x", "file": file}),
        "typed": (dict[str, File | str], {"name": "x", "file": file}),
        "alone": (File, file),
    }
    annotation, value = functions[shape]

    def give() -> None: ...

    give.__annotations__["return"] = annotation

    told = {
        "id": FIRST,
        "name": "a.csv",
        "media_type": "text/csv",
        "size": 3,
        "sha256": hashlib.sha256(b"1,2").hexdigest(),
    }
    returned = Parameters(give).returns.read(value)
    file.id = FIRST

    assert returned.described() == (told if shape == "alone" else {"name": "x", "file": told})
    assert returned.files == [file]


def test_a_result_of_another_type_than_declared_is_refused() -> None:
    def give() -> PDF: ...

    file = RunFiles().new("a.png")
    assert file.path is not None
    file.path.write_bytes(b"")

    with pytest.raises(ResultNotSerialisable, match="is image/png"):
        Parameters(give).returns.read(file)


def test_an_object_that_is_not_data_is_no_result() -> None:
    def give() -> Any: ...

    with pytest.raises(ResultNotSerialisable, match="/a is of the type object"):
        Parameters(give).returns.read({"a": object()})


def test_a_function_can_be_tested_with_local_files(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("text")

    @operation
    async def copy(document: File, *, job: Job) -> File:
        made = job.files.new(f"copy of {document.name}")
        assert made.path is not None
        with document.open() as stream:
            made.path.write_bytes(stream.read())
        return made

    made = asyncio.run(copy(File.of(path), job=Job(FIRST, 1)))
    gc.collect()

    assert (made.name, made.media_type, made.size) == ("copy of notes.md", "text/markdown", 4)
    assert made.path is not None
    assert made.path.read_bytes() == b"text"
    folder = made.path.parent
    del made
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a\nb", "\u202ea", "x" * 256, "ü" * 128]
)
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        check_name(name)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.csv", "text/csv"),
        ("a.MD", "text/markdown"),
        ("a.tar.gz", "application/gzip"),
        ("a.glb", "model/gltf-binary"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_a_type_is_guessed_from_the_name(name: str, media_type: str) -> None:
    assert guess_media_type(name) == media_type


def test_storage_keys_keep_suffixes_and_never_foreign_names() -> None:
    files = RunFiles()

    places = [files.place(name) for name in ("../../x.txt", "-rf.txt", "..", "a\nb.txt", "ü" * 300)]

    assert [place.name for place in places[:2]] == ["__.._x.txt", "_rf.txt"]
    assert all(place.parent.is_dir() and not place.exists() for place in places)
    assert len({place.parent for place in places}) == 5
    assert {place.parents[1] for place in places} == {places[0].parents[1]}


def test_only_files_inside_the_folder_are_accepted(tmp_path: Path) -> None:
    files = RunFiles()
    own, link, hard = (files.place(name) for name in ("own", "link", "hard"))
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    own.write_bytes(b"x")
    link.symlink_to(outside)
    hard.hardlink_to(outside)

    assert [files.holds(path) for path in (own, link, hard, outside)] == [True, False, False, False]
