"""The commands for files, schedules and parameters that are files."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from callboard.client.cli import main
from tests.scripted_server import Script, Step, answer, client, job
from tests.unit.test_client_files import CONTENT, FILE, content, uploaded

SCHEDULE = {
    "name": "nightly",
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "operation": "report",
    "next_at": "2026-11-23T01:30:00.000Z",
    "last": None,
}


def command(*arguments: str, steps: tuple[Step, ...] = (), **more: Any) -> tuple[Result, Script]:
    made, script = client(*steps, patience=0.3)
    return CliRunner().invoke(main, arguments, obj=made, **more), script


def test_parameters_are_text_json_or_files(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(CONTENT)

    done, script = command(
        *("run", "parse", "title=5 = five", "pages:=3", f"document=@{path}", "--detach"),
        *("--params", '{"deep": true}', "--callback", "https://h/x"),
        steps=(answer(job(), 202),),
    )

    (request,) = script.asked
    params = request.content.partition(b"application/json\r\n\r\n")[2].partition(b"\r\n")[0]
    assert done.exit_code == 0
    assert json.loads(params) == {"deep": True, "pages": 3}
    assert b'name="title"\r\n\r\n5 = five\r\n' in request.content
    assert CONTENT in request.content
    assert b'name="document"; filename="paper.pdf"' in request.content
    assert request.url.params["callback_url"] == "https://h/x"


def test_without_files_json_goes_as_json_and_a_file_must_have_a_name() -> None:
    _done, script = command(
        "run", "echo", 'value:="@x"', "text=@", "--detach", steps=(answer(job(), 202),)
    )

    assert script.asked == []
    _done, script = command(
        "run", "echo", 'value:="@x"', 'text:=""', "--detach", steps=(answer(job(), 202),)
    )
    assert json.loads(script.asked[0].content)["params"] == {"value": "@x", "text": ""}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "is not NAME=TEXT"),
        (("=x",), "is not NAME=TEXT"),
        (("a=1", "a:=2"), "'a' is set twice"),
        (("a:={",), "a: invalid JSON"),
        (("a=@/nowhere/at all",), "file '/nowhere/at all' not found"),
    ],
)
def test_invalid_parameters_are_refused_before_anything_is_sent(
    arguments: tuple[str, ...], said: str
) -> None:
    done, script = command("run", "echo", *arguments)

    assert (done.exit_code, script.asked) == (2, [])
    assert said in done.stderr


def test_an_upload_prints_the_id_for_a_pipe_or_for_a_machine(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(CONTENT)

    plain, _script = command("upload", str(path), steps=(uploaded(name="a\x1bb"),))
    machine, script = command("upload", "-", "--json", steps=(uploaded(),), input=CONTENT)

    assert plain.stdout == f"f-1\tmodel/ply\t{len(CONTENT)}\ta�b\n"
    assert json.loads(machine.stdout)["id"] == "f-1"
    assert script.asked[0].content == CONTENT


def test_a_name_applies_to_one_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(CONTENT)

    several, _ = command("upload", "--name", "x", str(path), str(path))
    absent, _ = command("upload", str(tmp_path / "nothing"))

    assert (several.exit_code, absent.exit_code) == (2, 2)


def test_a_download_saves_all_files_of_the_result_and_prints_their_paths(tmp_path: Path) -> None:
    other = {**FILE, "href": "http://server/base/v1/files/f-2/content"}
    result = {"meshes": [FILE, {"one": other}], "again": FILE, "number": 3}

    done, script = command(
        *("download", "j-1", "-o", str(tmp_path / "new")),
        steps=(
            answer(job("succeeded", result=result)),
            answer(result),
            content(CONTENT),
            content(CONTENT),
        ),
    )

    folder = tmp_path / "new"
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [str(folder / "mesh.ply"), str(folder / "mesh-2.ply")]
    assert {path.read_bytes() for path in folder.iterdir()} == {CONTENT}
    assert [request.url.path for request in script.asked][2:] == [
        "/base/v1/files/f-1/content",
        "/base/v1/files/f-2/content",
    ]


def test_a_result_without_files_explains_how_to_read_it(tmp_path: Path) -> None:
    done, _script = command(
        *("download", "j-1", "-o", str(tmp_path)),
        steps=(answer(job("succeeded")), answer(3)),
    )

    assert done.exit_code == 1
    assert "callboard result j-1" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_one_file_is_shown_by_result_and_not_fetched() -> None:
    done, script = command("result", "j-1", steps=(answer(job("succeeded", result=FILE)),))

    assert json.loads(done.stdout) == FILE
    assert len(script.asked) == 1


def test_schedules_are_listed_with_tabs_or_as_json() -> None:
    paused = {**SCHEDULE, "name": "pa\x1bused", "next_at": None, "timezone": "UTC"}
    page = answer({"items": [SCHEDULE, paused], "next": None})

    plain, _ = command("schedules", steps=(page,))
    machine, _ = command("schedules", "--json", steps=(page,))

    assert plain.stdout.splitlines() == [
        "nightly\t2026-11-23T01:30:00.000Z\treport\t30 2 * * * Europe/Berlin",
        "pa�used\tpaused\treport\t30 2 * * *",
    ]
    assert json.loads(machine.stdout)[0] == SCHEDULE
