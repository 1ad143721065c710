"""File names: any client's name becomes harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.files.names import disposition_name, safe_name
from callboard.jobs.files.names import check_name


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("   ", "unnamed"),
        ("a\0b.txt", "ab.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("exe.\u202efdp", "exe.fdp"),
        ("CON", "CON"),
        ('a "quoted" name.txt', 'a "quoted" name.txt'),
        ("grüße 数据.csv", "grüße 数据.csv"),
        ("e\u0301.txt", "é.txt"),
        ("x" * 10_000 + ".tar.gz", "x" * 252 + ".gz"),
        ("x" * 10_000, "x" * 255),
        ("ü" * 10_000, "ü" * 127),
        ("a.b/", "a.b"),
        ("\ud800.txt", ".txt"),
    ],
)
def test_a_hostile_name_becomes_safe_to_show(sent: str | None, shown: str) -> None:
    assert safe_name(sent) == shown


@given(st.text(st.characters()))
def test_every_name_becomes_a_valid_file_name_and_then_stays_unchanged(sent: str) -> None:
    shown = safe_name(sent)

    assert check_name(shown) == shown
    assert safe_name(shown) == shown


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=a.txt", "a.txt"),
        ("attachment; filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac.txt", "€.txt"),
        ("attachment; filename*=utf-8'en'%C3%BC", "ü"),
        ("attachment; filename=\"a.txt\"; filename*=UTF-8''%ff", "a.txt"),
        ("attachment; filename=\"a.txt\"; filename*=unheard''x", "a.txt"),
        ('attachment; filename="grüße"'.encode().decode("latin-1"), "grüße"),
        ('attachment; filename="a\\"b"', 'a"b'),
        ("attachment", None),
        ("", None),
        (None, None),
    ],
)
def test_the_name_in_a_content_disposition_is_read(header: str | None, name: str | None) -> None:
    assert disposition_name(header) == name
