"""From one split to texts, rejected pages and damage, without Spark: known pages, and pages that hang and crash extractors."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import text_pages
from archives import gz, make_record
from crawlmill.errors import DamageLimit, MissingExtra, UsageError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split
from crawlmill.spark.batches import Query, damage_batches
from crawlmill.spark.tables import DAMAGE
from crawlmill.spark_apps import extractors
from crawlmill.spark_apps.extractors import EXTRACTORS, names_of
from crawlmill.spark_apps.pages import COLUMNS, REASONS, Row, Texts, text_batches, text_rows
from crawlmill.where import parse_where
from text_pages import LINKS, STORY, article

for package in ("resiliparse", "trafilatura", "justext"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'crawlmill[text]'")
ALL = tuple(EXTRACTORS)
TROUBLED = "text_pages:troubled"


@pytest.fixture(scope="module")
def extract() -> Callable[[str, str], tuple[str, str | None]]:
    return extractors.load(*ALL)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("language", STORY)
@pytest.mark.parametrize("name", ALL)
def test_an_extractor_finds_the_paragraphs_and_leaves_the_rest(
    extract: Callable[[str, str], tuple[str, str | None]], name: str, language: str
) -> None:
    text, found = extract(name, article(*STORY[language]).decode())
    assert flat(text) == " ".join(STORY[language]) and found == language
    assert not any(link in text for link in LINKS)


@pytest.mark.parametrize("name", ALL)
def test_pages_that_parsers_stumble_over(extract: Callable[[str, str], tuple[str, str | None]], name: str) -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>' + article(*STORY["deu"]).decode()
    assert "Fährmann" in extract(name, declared)[0], "a declaration of an encoding in characters that are decoded"
    nul = article(*STORY["eng"]).decode().replace("ferry", "fer\0ry&#xD800;")
    extract(name, nul)[0].encode()


def test_stop_words_are_there_for_every_language_that_names_them() -> None:
    from justext import get_stoplists

    assert set(extractors._STOP_WORDS.values()) <= set(get_stoplists())


def test_names_and_versions() -> None:
    assert names_of("justext,resiliparse") == ("justext", "resiliparse")
    for wrong in ("", "lynx", "justext,justext"):
        with pytest.raises(UsageError):
            names_of(wrong)
    assert EXTRACTORS["trafilatura"].version.startswith("2.") and "lxml" in EXTRACTORS["trafilatura"].version


@pytest.mark.parametrize("name", ALL)
def test_a_missing_package_is_a_line_that_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name, *(module for module in sys.modules if module.startswith(f"{name}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{name}.* not installed; pip install 'crawlmill\[text\]'"):
        extractors.load(name)


# ---- splits


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(text_pages.write_archive(tmp_path_factory.mktemp("pages") / "pages.warc.gz"))


@pytest.mark.slow
def test_each_response_has_one_row_of_each_extractor(archive: str) -> None:
    texts = Texts(("resiliparse", "trafilatura"), seconds=1.0, factory=TROUBLED)
    rows = list(text_rows(Split(archive), texts))
    pages = [row for row in rows if row["kind"] != "damage"]
    counts = Counter((row["offset"], row["extractor"]) for row in pages)
    assert len(counts) == 2 * (len(text_pages.RECORDS) + 1) and set(counts.values()) == {1}
    rejected = {(row["url"], row["extractor"]): row["reason"] for row in rows if row["kind"] == "rejected"}
    wanted = {**text_pages.REASONS, "http://a.example/broken": "damaged"}
    assert rejected == {(url, name): reason for url, reason in wanted.items() for name in texts.extractors}
    assert set(rejected.values()) == set(REASONS) - {"too-large"}
    details = {row["url"]: row["detail"] for row in rows if row.get("detail")}
    assert details == {"http://a.example/raise": "RecursionError: too deep"}
    found = {(row["url"], row["extractor"]): row for row in rows if row["kind"] == "text"}
    assert {url for url, _ in found} == {f"http://a.example/{name}" for name in ("eng", "deu", "last")}
    for (url, name), row in found.items():
        language = "deu" if url.endswith("deu") else "eng"
        assert flat(str(row["text"])) == " ".join(STORY[language]) and row["language_detected"] == language
        assert row["extractor_version"] == EXTRACTORS[name].version and row["date"] == "2024-05-01T12:00:00Z"


@pytest.mark.slow
def test_the_damage_is_that_of_the_table_of_the_archive(archive: str, samples: Path) -> None:
    """All of it in the structure; of damaged bodies those of pages, as the others are not looked at."""
    query = Query("warc", ("uri", "body"), types=frozenset({"response", "arc"}))
    bodies = 0
    for split in make_plan([archive, str(samples / "damaged")], None).splits:
        wanted = [row for batch in damage_batches(split, query) for row in batch.to_pylist()]
        rows = [row for batch in text_batches(split, Texts(("resiliparse",))) for row in batch.to_pylist()]
        assert all(list(row) == list(COLUMNS) for row in rows)
        damage = [row for row in rows if row["kind"] == "damage"]
        found = [{name: row.get(f"damage_{name}", row.get(name)) for name in DAMAGE} for row in damage]
        assert [row for row in found if not row["analysis"]] == [row for row in wanted if not row["analysis"]]
        ours = [row | {"analysis": "records"} for row in found if row["analysis"] == "extract_text"]
        assert all(row in wanted for row in ours)
        places = [(row["offset"], row["ordinal"]) for row in rows if row["reason"] == "damaged"]
        assert places == [(row["offset"], row["ordinal"]) for row in ours]
        bodies += len(ours)
    assert bodies == 2


def test_splits_tile(samples: Path) -> None:
    inputs = [str(samples / "*.warc.gz")]
    whole, cut = (
        [row for split in make_plan(inputs, size).splits for row in text_rows(split, Texts(("resiliparse",)))]
        for size in (None, 40_000)
    )
    assert whole == cut and len({(row["uri"], row["offset"], row["ordinal"]) for row in whole}) == len(whole)


def rows_of(tmp_path: Path, records: list[bytes], **options: Any) -> list[Row]:
    path = tmp_path / "some.warc.gz"
    path.write_bytes(gz(records))
    return list(text_rows(Split(str(path)), Texts(("resiliparse",), **options)))


def test_a_page_larger_than_the_limit_is_not_loaded(tmp_path: Path) -> None:
    page = article(*STORY["eng"] * 50)
    untyped = make_record("response", "http://b.example/", page, http_headers=())
    records = [make_record("response", "http://a.example/", page), untyped]
    assert [row["kind"] for row in rows_of(tmp_path, records)] == ["text", "text"]
    assert [row["reason"] for row in rows_of(tmp_path, records, max_page=len(page) - 1)] == ["too-large", "too-large"]
    assert [row["kind"] for row in rows_of(tmp_path, records, max_page=len(page))] == ["text", "text"]


def test_only_records_that_fit(tmp_path: Path) -> None:
    records = [
        make_record("response", f"http://a.example/{status}", article(*STORY["eng"]), http=status)
        for status in ("200 OK", "404 No")
    ]
    rows = rows_of(tmp_path, records, where=parse_where("status=200"))
    assert [row["url"] for row in rows] == ["http://a.example/200 OK"]


def test_strict_ends_at_the_first_damage(archive: str) -> None:
    with pytest.raises(DamageLimit, match=r"pages.warc.gz@\d+: the record's body does not decode"):
        list(text_rows(Split(archive), Texts(("resiliparse",), strict=True)))
