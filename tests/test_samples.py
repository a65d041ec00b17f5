"""`data_samples/` is what `scripts/make_samples` makes, is small, and holds the records its answers speak of."""

from __future__ import annotations

import bz2
import doctest
import gzip
import importlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

OPTIONAL = {"zstd.warc.zst", "zstd-dictionary.warc.zst", "lz4.warc.lz4"}
"""Written only where zstandard and lz4 are installed, in bytes that depend on their versions."""
BY_MEMBERS = ("members.warc.gz", "version-0.18.warc.gz", "version-1.1.warc.gz")


def make(root: Path, out: Path, *options: str) -> Path:
    command = [sys.executable, str(root / "scripts" / "make_samples"), str(out), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, made anew."""
    return make(root, tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def answers(samples: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((samples / "answers.json").read_text(encoding="utf-8"))
    return found


def names(folder: Path) -> set[str]:
    """The generated files below a folder that every machine writes."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in files if path.name not in OPTIONAL and path.name != "README.md"}


def content(folder: Path, name: str) -> bytes:
    """A file uncompressed, without the numbers that depend on the zlib build: offsets and compressed lengths."""
    data = (folder / name).read_bytes()
    if name.startswith("damaged/") and name.endswith(".gz"):
        return b""  # broken at an offset: only answers.json can be compared
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    if name.endswith(".bz2"):
        data = bz2.decompress(data)
    if name.startswith("wat/"):
        data = re.sub(rb'"(Offset|Deflate-Length)":"\d+"', rb'"\1":"*"', data)
        data = re.sub(rb"(?m)^(Content-Length|WARC-Block-Digest): \S+", rb"\1: *", data)
    if name in ("cdx/index.cdxj", "answers.json"):
        data = re.sub(rb'"(offset|length)": "?\d+"?', rb'"\1": *', data)
    return data


def test_committed_samples_are_what_the_script_makes(samples: Path, made: Path) -> None:
    assert names(samples) == names(made)
    for name in sorted(names(made)):
        assert content(samples, name) == content(made, name), f"{name} differs: run scripts/make_samples"
    reference = "formats/members.warc.gz"
    if (samples / reference).read_bytes() == (made / reference).read_bytes():  # this zlib compresses as the maker's did
        for name in sorted(names(made)):
            assert (samples / name).read_bytes() == (made / name).read_bytes(), f"{name}: run scripts/make_samples"


def test_content_and_answers_do_not_depend_on_the_compressor(root: Path, made: Path, tmp_path: Path) -> None:
    other = make(root, tmp_path, "--level", "1")
    assert names(other) == names(made)
    assert [name for name in sorted(names(made)) if content(other, name) != content(made, name)] == []


def test_samples_are_small(samples: Path) -> None:
    assert sum(path.stat().st_size for path in samples.rglob("*") if path.is_file()) < 2_000_000


def records_by_type(path: Path) -> Counter[str]:
    """What warcio finds, digests checked."""
    found: Counter[str] = Counter()
    with path.open("rb") as file:
        for record in ArchiveIterator(file, check_digests=True):
            record.content_stream().read()
            found[record.rec_type] += 1
            url = record.rec_headers.get_header("WARC-Target-URI") or ""
            # warcio looks for http in small letters, and takes a whole block for the payload where it finds none
            assert record.digest_checker.passed is not False or url.startswith("HTTP:"), record.digest_checker.problems
    return found


def test_another_reader_finds_the_records_of_the_crawl(samples: Path, answers: dict[str, Any]) -> None:
    listed = (samples / "warc.paths").read_text().split()
    assert sorted(listed) == sorted(path.name for path in samples.glob("*.warc.gz")) == sorted(answers["files"])
    found = {name: records_by_type(samples / name) for name in listed}
    assert found == {name: facts["records_by_type"] for name, facts in answers["files"].items()}
    assert sum(found.values(), Counter()) == answers["crawl"]["records_by_type"]
    for kind in ("wat", "wet"):
        assert gzip.decompress((samples / f"{kind}.paths.gz").read_bytes()).decode().split() == sorted(answers[kind])
        for name, facts in answers[kind].items():
            assert records_by_type(samples / name) == facts["records_by_type"]


@pytest.mark.parametrize("name", ["plain.warc", *BY_MEMBERS])
def test_another_reader_finds_the_records_of_the_formats(samples: Path, answers: dict[str, Any], name: str) -> None:
    assert records_by_type(samples / "formats" / name) == answers["formats"]["warc"]["records_by_type"]


@pytest.mark.parametrize("name", ["v1.arc", "v1.arc.gz"])
def test_another_reader_finds_the_records_of_arc(samples: Path, answers: dict[str, Any], name: str) -> None:
    with (samples / "formats" / name).open("rb") as file:
        found = Counter(record.format for record in ArchiveIterator(file))
    assert found["arc"] == answers["formats"]["arc"]["records"]


def test_the_layouts_hold_the_same_bytes(samples: Path, answers: dict[str, Any]) -> None:
    folder = samples / "formats"
    assert {path.name for path in folder.iterdir()} == set(answers["formats"]["files"])
    plain = (folder / "plain.warc").read_bytes()
    for name in ("members.warc.gz", "one-member.warc.gz", "misaligned.warc.gz", "empty-members.warc.gz"):
        assert gzip.decompress((folder / name).read_bytes()) == plain
    assert bz2.decompress((folder / "bzip2.warc.bz2").read_bytes()) == plain
    assert gzip.decompress((folder / "lf.warc.gz").read_bytes()) == (folder / "lf.warc").read_bytes()
    assert gzip.decompress((folder / "v1.arc.gz").read_bytes()) == (folder / "v1.arc").read_bytes()


def test_zstd_archives_hold_the_same_bytes(samples: Path) -> None:
    zstd = pytest.importorskip("zstandard", reason="zstandard is not installed: formats/*.zst are not checked")
    folder = samples / "formats"
    plain = (folder / "plain.warc").read_bytes()
    packed = (folder / "zstd.warc.zst").read_bytes()
    assert zstd.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read() == plain
    packed = (folder / "zstd-dictionary.warc.zst").read_bytes()
    end = 8 + int.from_bytes(packed[4:8], "little")
    dictionary = zstd.ZstdCompressionDict(packed[8:end])
    frames = zstd.ZstdDecompressor(dict_data=dictionary).stream_reader(packed[end:], read_across_frames=True)
    assert packed[:4] == b"\x5d\x2a\x4d\x18"
    assert frames.read() == plain


def test_lz4_archive_holds_the_same_bytes(samples: Path) -> None:
    lz4 = pytest.importorskip("lz4.frame", reason="lz4 is not installed: formats/lz4.warc.lz4 is not checked")
    packed = io.BytesIO((samples / "formats" / "lz4.warc.lz4").read_bytes())
    with lz4.open(packed) as file:
        assert file.read() == (samples / "formats" / "plain.warc").read_bytes()


def test_the_index_points_at_whole_records(samples: Path, answers: dict[str, Any]) -> None:
    lines = (samples / "cdx" / "index.cdxj").read_bytes().splitlines()
    assert lines == sorted(lines)
    assert len(lines) == answers["cdx"]["cdx/index.cdxj"]["lines"]
    for line in lines:
        about = json.loads(line.split(b" ", 2)[2])
        start = int(about["offset"])
        packed = (samples / about["filename"]).read_bytes()[start : start + int(about["length"])]
        record = gzip.decompress(packed)
        assert record.startswith(b"WARC/1.0\r\nWARC-Type: re") and record.endswith(b"\r\n\r\n")
        assert about["url"].encode() in record


def test_counting_lines_is_wrong_by_as_much_as_we_say(samples: Path, answers: dict[str, Any]) -> None:
    plain = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(samples.glob("*.warc.gz")))
    lines = len(re.findall(rb"(?m)^WARC-Target-URI:", plain))
    pages = sum(answers["crawl"]["origins"].values())
    assert lines == answers["naive"]["lines"]
    assert f"{lines} for {pages} pages" in (samples / "README.md").read_text(encoding="utf-8")


def test_only_payloads_speak_of_fake_and_nested_hosts(answers: dict[str, Any]) -> None:
    text = json.dumps(answers)
    assert "fake.example" not in text and "nested.example" not in text


def test_every_damaged_file_is_described_and_differs_where_it_says(samples: Path, answers: dict[str, Any]) -> None:
    assert {path.name for path in (samples / "damaged").iterdir()} == set(answers["damaged"])
    for name, told in answers["damaged"].items():
        data, offset = (samples / "damaged" / name).read_bytes(), told["offset"]
        if not told["intact"]["records"]:
            assert not data.startswith((b"\x1f\x8b", b"WARC/"))
            continue
        good = (samples / "formats" / ("members.warc.gz" if name.endswith(".gz") else "plain.warc")).read_bytes()
        assert data != good and data[:offset] == good[:offset], name
        if told["length"]:  # what follows the span is sound: at its place, or moved by what was put in
            rest = data[offset + told["length"] :]
            assert rest in (good[offset:], good[offset + told["length"] :]), name
        assert len(told["hit"]) + told["intact"]["records"] == answers["formats"]["warc"]["records"]


def test_examples_in_the_docstrings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "scripts"))
    for name in ("samples.markup", "samples.payloads"):
        results = doctest.testmod(importlib.import_module(name))
        assert results.attempted and not results.failed
