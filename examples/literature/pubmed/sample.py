"""Generates made-up records in PubMed's format: always the same, none of a real paper."""

import gzip
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from examples.literature.pubmed.corpus import folder
from examples.literature.pubmed.landmarks import LANDMARKS
from examples.literature.pubmed.vocabulary import (
    AUTHORS,
    DESIGNS,
    DISEASES,
    JOURNALS,
    OUTCOMES,
    PEOPLE,
    TREATMENTS,
)

FIRST_PMID: Final = 90_000_000
_SEED: Final = 20_261_130
_EVERY: Final = 97
"""One of this many records is a landmark, until all landmarks are used."""


def articles(count: int) -> Iterator[Element]:
    """Generate records; a longer sample begins with the records of a shorter one."""
    random = Random(_SEED)  # noqa: S311 — not a secret
    for number in range(count):
        place, rest = divmod(number, _EVERY)
        if rest == _EVERY // 2 and place < len(LANDMARKS):
            title, abstract, terms = LANDMARKS[place]
            yield article(FIRST_PMID + number, title, abstract, terms)
        else:
            yield _ordinary(FIRST_PMID + number, random)


def article(
    pmid: int, title: str, abstract: str, terms: Iterable[str] = (), *, version: int = 1
) -> Element:
    """Generate one record."""
    random = Random(pmid)  # noqa: S311 — not a secret
    record = Element("PubmedArticle")
    citation = SubElement(record, "MedlineCitation", Status="MEDLINE", Owner="NLM")
    SubElement(citation, "PMID", Version=str(version)).text = str(pmid)
    about = SubElement(citation, "Article", PubModel="Print")
    journal = SubElement(about, "Journal")
    date = SubElement(SubElement(journal, "JournalIssue"), "PubDate")
    SubElement(date, "Year").text = str(random.randint(1995, 2026))
    SubElement(journal, "Title").text = random.choice(JOURNALS)
    SubElement(about, "ArticleTitle").text = title
    parts = SubElement(about, "Abstract")
    for part in abstract.split("\n"):
        label, _, text = part.partition(": ")
        SubElement(parts, "AbstractText", Label=label).text = text
    authors = SubElement(about, "AuthorList", CompleteYN="Y")
    for name, initials in random.sample(AUTHORS, k=random.randint(2, 5)):
        author = SubElement(authors, "Author", ValidYN="Y")
        SubElement(author, "LastName").text = name
        SubElement(author, "Initials").text = initials
    headings = SubElement(citation, "MeshHeadingList")
    for term in terms:
        heading = SubElement(headings, "MeshHeading")
        SubElement(heading, "DescriptorName", MajorTopicYN="N").text = term
    return record


def document(
    records: Iterable[Element], deleted: Iterable[tuple[int, int]] = ()
) -> Iterator[bytes]:
    """Write records as one file, with the numbers and versions of withdrawn records."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<PubmedArticleSet>\n'
    for record in records:
        yield tostring(record) + b"\n"
    gone = Element("DeleteCitation")
    for pmid, version in deleted:
        SubElement(gone, "PMID", Version=str(version)).text = str(pmid)
    yield (tostring(gone) if len(gone) else b"") + b"</PubmedArticleSet>\n"


def file(count: int) -> Path:
    """Return a compressed file with this many records, created on first use."""
    path = folder() / f"sample-{count}.xml.gz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(made, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as target:
                target.writelines(document(articles(count)))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    return path


def _ordinary(pmid: int, random: Random) -> Element:
    disease, treatment = random.choice(DISEASES), random.choice(TREATMENTS)
    outcome, design, people = (random.choice(each) for each in (OUTCOMES, DESIGNS, PEOPLE))
    number, percent = random.randint(24, 4800), random.randint(3, 61)
    better = random.choice(("lower", "higher", "no different"))
    title = random.choice(
        (
            f"{treatment} and {outcome} in {people} with {disease}: {design}",
            f"Effect of {treatment} on {outcome} among {people} with {disease}",
            f"{disease} in {people}: {design} of {treatment}",
            f"Does {treatment} change {outcome} in {disease}? Results of {design}",
        )
    )
    abstract = (
        f"BACKGROUND: The place of {treatment} in the care of {people} with {disease} is debated.\n"
        f"METHODS: In {design} we followed {number} {people} and compared {outcome} "
        f"under {treatment} with usual care over {random.randint(3, 60)} months.\n"
        f"RESULTS: With {treatment}, {outcome} was {better} "
        f"({percent}% against {random.randint(3, 61)}%).\n"
        f"CONCLUSIONS: In {disease}, {treatment} deserves further study."
    )
    heading = disease[:1].upper() + disease[1:]
    name = treatment[:1].upper() + treatment[1:]
    return article(pmid, title[:1].upper() + title[1:], abstract, (heading, name, "Humans"))
