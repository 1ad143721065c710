"""Each decision is one short page, and the list names every page once, in order."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.check

FOLDER = Path(__file__).parents[2] / "docs" / "adr"
PAGES = sorted(path.name for path in FOLDER.glob("[0-9]*.md"))


@pytest.mark.parametrize("name", PAGES)
def test_a_decision_has_fewer_than_300_words(name: str) -> None:
    words = re.findall(r"\S*\w\S*", (FOLDER / name).read_text("utf-8"))

    assert len(words) < 300


def test_the_list_names_every_decision_once_in_order_by_its_number_and_title() -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", text, re.MULTILINE)
    titles = [(FOLDER / name).read_text("utf-8").partition("\n")[0] for name in PAGES]

    assert [name for _, _, name in listed] == PAGES
    assert [f"# {number}. {title}" for number, title, _ in listed] == titles
    assert [int(name[:4]) for name in PAGES] == list(range(1, len(PAGES) + 1))
