"""MEDLINE XML is read as PubMed defines it, and anything else is refused."""

import gzip
import io
import tracemalloc

import pytest

from examples.literature.pubmed import sample
from examples.literature.pubmed.medline import MAX_RECORD_BYTES, Deletion, NotMedline, Paper, read

RECORD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN"
  "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="2">71</PMID>
<Article><Journal><JournalIssue><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate>
</JournalIssue><Title>An Invented Journal</Title></Journal>
<ArticleTitle>Growth of <i>E. coli</i> at 10<sup>5</sup>
 cells</ArticleTitle>
<Abstract><AbstractText Label="AIM">To count.</AbstractText>
<AbstractText>It was counted.</AbstractText></Abstract>
<AuthorList><Author><LastName>Ng</LastName><Initials>A</Initials></Author>
<Author><CollectiveName>The Counting Group</CollectiveName></Author></AuthorList></Article>
<MeshHeadingList><MeshHeading><DescriptorName>Escherichia coli</DescriptorName>
<QualifierName>growth</QualifierName></MeshHeading></MeshHeadingList>
<KeywordList><Keyword>counting</Keyword></KeywordList></MedlineCitation></PubmedArticle>
<PubmedBookArticle><BookDocument><PMID Version="1">5</PMID></BookDocument></PubmedBookArticle>
<DeleteCitation><PMID Version="1">8</PMID><PMID Version="3">9</PMID></DeleteCitation>
</PubmedArticleSet>"""
PAPER = Paper(
    pmid=71,
    version=2,
    title="Growth of E. coli at 105 cells",
    abstract="AIM: To count. It was counted.",
    authors=("Ng A", "The Counting Group"),
    journal="An Invented Journal",
    year=1998,
    terms=("Escherichia coli", "counting"),
)
BOMB = '<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PubmedArticleSet/>'
BAD = {
    "another root": ("<html/>", "begins with <html>"),
    "text": ("Error: too many requests", "not complete MEDLINE XML"),
    "nothing": ("", "not complete MEDLINE XML"),
    "cut off": (RECORD[: len(RECORD) // 2], "not complete MEDLINE XML"),
    "an entity": (BOMB, "declares the entity 'a'"),
    "an external entity": (
        '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><PubmedArticleSet/>',
        "declares the entity 'x'",
    ),
    "no number": (RECORD.replace(">71<", ">seven<"), "'seven' is not a PMID"),
    "a huge number": (RECORD.replace(">71<", f">{10**30}<"), "is not a PMID"),
    "no version": (RECORD.replace('"2"', '"two"'), "'two' is not a version"),
    "no citation": (RECORD.replace("MedlineCitation", "Other"), "has no <MedlineCitation>"),
}


def test_a_record_is_read_with_its_inline_markup_labels_and_odd_dates() -> None:
    assert list(read(io.BytesIO(RECORD.encode()))) == [PAPER, Deletion(8, 1), Deletion(9, 3)]


def test_a_compressed_file_reads_like_the_plain_one() -> None:
    assert next(read(io.BytesIO(gzip.compress(RECORD.encode())))) == PAPER


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_file_is_refused_with_a_sentence(case: str) -> None:
    text, told = BAD[case]

    with pytest.raises(NotMedline, match=told):
        list(read(io.BytesIO(text.encode())))


def test_a_damaged_archive_is_refused() -> None:
    packed = gzip.compress(RECORD.encode())

    for bad in (packed[:-20], packed[:30] + b"\0\0\0\0" + packed[34:]):
        with pytest.raises(NotMedline):
            list(read(io.BytesIO(bad)))


def test_a_compressed_record_that_never_ends_takes_no_more_than_its_bound() -> None:
    start = RECORD.partition("Growth")[0].encode()
    packed = io.BytesIO(gzip.compress(start + b"x" * (8 * MAX_RECORD_BYTES)))

    tracemalloc.start()
    try:
        with pytest.raises(NotMedline, match="more than 16 MiB"):
            list(read(packed))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 5 * MAX_RECORD_BYTES


def test_the_sample_is_reproducible_and_grows_at_its_end() -> None:
    short, long = (b"".join(sample.document(sample.articles(count))) for count in (50, 200))
    papers = list(read(io.BytesIO(long)))

    assert list(read(io.BytesIO(short))) == papers[:50]
    assert len({paper.pmid for paper in papers if isinstance(paper, Paper)}) == 200
    assert long == b"".join(sample.document(sample.articles(200)))
