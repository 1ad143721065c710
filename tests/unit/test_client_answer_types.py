"""The client's types of answers are those of the server."""

import ast
from pathlib import Path

import pytest

from tools.client_types import render

pytestmark = pytest.mark.check

ROOT = Path(__file__).parents[2]


def test_the_clients_types_equal_those_of_the_server() -> None:
    written = (ROOT / "client" / "answer_types.py").read_text(encoding="utf-8")

    assert ast.dump(ast.parse(written)) == ast.dump(ast.parse(render())), "run `make reference`"
