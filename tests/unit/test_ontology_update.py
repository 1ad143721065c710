"""The difference of two releases names each term once in its category, or reports errors."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from callboard import Failure
from examples.curation.ontology.current import CurrentRelease
from examples.curation.ontology.difference import compare
from examples.curation.ontology.release import Release, read_release
from tests.scenarios.releases import NEW, OLD, release


def read(text: str, name: str = "2026-01") -> Release:
    return read_release(io.BytesIO(release(text, name).encode()), "file")


def test_each_difference_is_reported_in_its_category() -> None:
    report = compare(read(OLD, "2025-12"), read(NEW)).model_dump()

    assert report == {
        "old_release": "2025-12",
        "new_release": "2026-01",
        "added": [{"id": "D:9", "name": "influenza"}],
        "obsoleted": [{"id": "D:6", "name": "dropsy"}],
        "renamed": [{"id": "D:3", "old": "arrythmia", "new": "arrhythmia"}],
        "reparented": [{"id": "D:4", "old": ["D:2"], "new": ["D:3"]}],
        "merged": [
            {"id": "D:5", "name": "QT prolongation", "into": "D:4"},
            {"id": "D:7", "name": "grippe", "into": "D:9"},
        ],
        "changed": [{"id": "D:2", "what": ["def"]}, {"id": "D:8", "what": ["removed"]}],
    }


def test_equal_releases_do_not_differ() -> None:
    report = compare(read(OLD), read(OLD))

    kinds = ("added", "obsoleted", "renamed", "reparented", "merged", "changed")
    assert not any(getattr(report, kind) for kind in kinds)


def test_the_first_release_adds_every_term() -> None:
    report = compare(None, read(OLD))

    assert [term.id for term in report.added] == [f"D:{number}" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "The file is not valid OBO: "),
        ("", "The file has no terms."),
        ("[Term]\nid: D:1\nname: a\n\n[Term]\nid: D:1\nname: b\n", "defines D:1 more than once"),
        (
            "[Term]\nid: D:1\nname: a\nis_a: D:2\n\n[Term]\nid: D:2\nname: b\nis_a: D:1\n",
            "The release has a cycle: D:",
        ),
    ],
)
def test_an_invalid_release_is_refused_with_a_sentence(text: str, told: str) -> None:
    with pytest.raises(Failure, match=told) as refused:
        read(text)

    assert not refused.value.retryable


def stream(text: str) -> io.BytesIO:
    return io.BytesIO(release(text, "x").encode())


def test_an_offer_is_used_once(tmp_path: Path) -> None:
    current = CurrentRelease(tmp_path)
    current.take_first(stream(OLD))
    offer = current.offer(stream(NEW))

    applied = current.apply(offer.token)

    assert "D:9" in applied.terms
    found = current.read()
    assert found is not None
    assert "D:9" in found.terms
    with pytest.raises(Failure, match="unknown or has been used"):
        current.apply(offer.token)


def test_an_offer_based_on_an_outdated_release_is_refused(tmp_path: Path) -> None:
    current = CurrentRelease(tmp_path)
    current.take_first(stream(OLD))
    first, second = current.offer(stream(NEW)), current.offer(stream(OLD))
    current.apply(first.token)

    with pytest.raises(Failure, match="Another release became current"):
        current.apply(second.token)


def test_an_offer_expires(tmp_path: Path) -> None:
    current = CurrentRelease(tmp_path, confirm_within=timedelta(seconds=-1))
    current.take_first(stream(OLD))
    offer = current.offer(stream(NEW))

    with pytest.raises(Failure, match="has expired"):
        current.apply(offer.token)

    found = current.read()
    assert found is not None
    assert "D:9" not in found.terms
