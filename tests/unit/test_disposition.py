"""Any file name is encoded safely for downloads."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.files.downloads import disposition, repr_digest

pytestmark = pytest.mark.check

SHAPE = re.compile(
    r"""attachment; filename="[ !#-\[\]-~]+"(?:; filename\*=UTF-8''([A-Za-z0-9!#$&+\-.^_`|~%]+))?"""
)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("mesh.ply", 'attachment; filename="mesh.ply"'),
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ("größe.txt", "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt"),
        ('a "b".txt', "attachment; filename=\"a _b_.txt\"; filename*=UTF-8''a%20%22b%22.txt"),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("a\r\nSet-Cookie: x=1", 'attachment; filename="a__Set-Cookie: x=1"'),
        ("gpj.\u202eexe", 'attachment; filename="gpj._exe"'),
        ("..\\..\\x", 'attachment; filename=".._.._x"'),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
        ("\ud800.txt", 'attachment; filename="_.txt"'),
        ("", 'attachment; filename="file"'),
    ],
)  # fmt: skip
def test_a_file_name_is_encoded_for_old_and_new_browsers(name: str, written: str) -> None:
    assert disposition(name) == written


@given(st.text(st.characters(), max_size=40))
def test_no_file_name_breaks_the_header(name: str) -> None:
    match = SHAPE.fullmatch(disposition(name))

    assert match is not None
    told = unquote(match[1]) if match[1] else ""
    assert not set(told) & set("/\\\r\n\0\u202e")


def test_a_digest_is_a_structured_dictionary_of_bytes() -> None:
    assert repr_digest("00" * 32) == "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
