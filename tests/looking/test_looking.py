"""Looking at archives from Python: the same records and damage as a run has, and records that stay."""

from __future__ import annotations

import importlib.util
import inspect
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crawlmill
from archives import gz, make_record
from crawlmill import Record, contract
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.looking.getting import PARTS
from crawlmill.records.held import HeldBlock
from crawlmill.warc.damage import BodyDamage, Damage
from strategies import LAYOUTS, damaged, records

relaxed = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
ARCHIVES = ["members.warc.gz", "plain.warc", "one-member.warc.gz", "misaligned.warc.gz", "zstd.warc.zst", "v1.arc.gz"]
PICTURE = "https://cdn.example.net/picture.png"


def told(record: Record) -> list[object]:
    """All that a record tells; what cannot be had by the kind of its damage."""
    looks: list[Callable[[Record], object]] = [
        lambda record: (record.uri, record.offset, record.length, record.ordinal, record.type, record.complete),
        lambda record: (record.head, record.url, record.date),
        lambda record: record.status,
        lambda record: record.mime,
        lambda record: record.payload_length,
        lambda record: record.block,
        lambda record: record.payload,
        lambda record: (record.body, record.body_problems),
    ]
    found: list[object] = []
    for look in looks:
        try:
            found.append(look(record))
        except BodyDamage as bad:
            found.append(bad.kind)
    return found


# ---- the public names


def test_public_names_are_there_and_explained() -> None:
    for name in crawlmill.__all__:
        assert hasattr(crawlmill, name)
        assert importlib.util.find_spec(f"crawlmill.{name}") is None, "a module of that name would take its place"
    for name in ("run", "scan", "get", "inspect", "subset", "verify"):
        text = inspect.getdoc(getattr(crawlmill, name)) or ""
        assert ">>> " in text and "Args:" in text and "Raises:" in text, name


def test_a_name_of_ours_does_not_hide_that_of_python() -> None:
    """``crawlmill.inspect`` is ours; ``import inspect`` in a module of ours is not."""
    assert crawlmill.inspect.__module__ == "crawlmill.looking.inspecting"
    assert contract.inspect is inspect  # type: ignore[attr-defined]


# ---- scan


@pytest.mark.slow
@relaxed
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_a_scan_gives_what_a_run_counts(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("scan") / "a.warc.gz"
    path.write_bytes(data.draw(damaged(LAYOUTS[layout](data.draw(records())))))
    check, where = (
        data.draw(st.sampled_from(("fast", "full"))),
        data.draw(st.sampled_from((None, "type=response", "status!=404"))),
    )
    run = crawlmill.run(
        "records", str(path), check=check, where=where, workers=1, pool="thread", split_size=70_000, damage="accept"
    )
    items = list(crawlmill.scan(path, check=check, where=where))
    count = sum(isinstance(item, Record) for item in items)
    assert count == run.counters.get("records", 0) - run.counters.get("rejected", 0)
    rows = [item for item in items if isinstance(item, Damage)]
    expected = [Damage(**row) for row in run.damage.to_pylist() if row["analysis"] in ("", "where")]
    assert sorted(rows, key=repr) == sorted(expected, key=repr)


def test_a_scan_says_at_once_what_is_wrong_with_it(samples: Path) -> None:
    for wrong in ({"where": "nonsense"}, {"check": "half"}):
        with pytest.raises(UsageError):
            crawlmill.scan(samples / "none", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="nothing matches"):
        crawlmill.scan(str(samples / "none*"))


def test_a_scan_of_several_inputs_says_its_plan(samples: Path) -> None:
    plans: list[object] = []
    inputs = [samples / "formats/members.warc.gz", str(samples / "formats/plain.warc"), str(samples / "none.warc")]
    items = crawlmill.scan(inputs, types="warcinfo", planned=plans.append)
    assert len(plans) == 1
    found = [item.type if isinstance(item, Record) else item.kind for item in items]
    assert found == ["warcinfo", "warcinfo", "missing"]


def test_a_condition_that_cannot_be_told_is_damage_everywhere(tmp_path: Path) -> None:
    """The HTTP header goes on behind what is inflated at first, in bytes that do not decode."""
    path = tmp_path / "a.warc.gz"
    pad = [(f"X-Pad-{number}", random.Random(number).randbytes(200).hex()) for number in range(20)]
    hit = bytearray(gz([make_record("response", "http://a.example/", b"x" * 100, http_headers=pad)]))
    hit[len(hit) // 2 : len(hit) // 2 + 40] = bytes(40)
    sound = gz([make_record("response", "http://b.example/")])
    path.write_bytes(sound + hit + sound)
    run = crawlmill.run("records", str(path), types="response", where="status=200", workers=1, pool="thread")
    items = list(crawlmill.scan(path, where="status=200"))
    (row,) = [item for item in items if isinstance(item, Damage)]
    assert [Damage(**found) for found in run.damage.to_pylist()] == [row]
    assert (row.offset, row.analysis) == (len(sound), "where")
    assert [item.offset for item in items if isinstance(item, Record)] == [0, len(sound) + len(hit)]


# ---- records that stay


@pytest.mark.slow
@relaxed
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_a_record_that_is_kept_tells_the_same(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("kept") / "a.warc.gz"
    path.write_bytes(data.draw(damaged(LAYOUTS[layout](data.draw(records())))))
    limits = {"max_record": data.draw(st.sampled_from((40, 1 << 20))), "max_body": data.draw(st.sampled_from((8, 99)))}
    now, kept = [], []
    for item in crawlmill.scan(path, **limits):  # type: ignore[arg-type]
        if isinstance(item, Record):
            kept.append(item.keep())
            now.append(told(item))
    assert [told(record) for record in kept] == now
    assert [told(record.keep()) for record in kept] == now


class Cut:
    """A block of which less can be had than its header says, as in a member that ends early."""

    size = 5000

    def load(self, start: int = 0) -> bytes:
        raise BodyDamage("oversized")

    def peek(self, count: int) -> bytes:
        return b"x" * min(count, 300)


def test_what_can_be_had_of_a_block_that_is_cut_is_kept() -> None:
    held = HeldBlock(Cut(), 2000)  # type: ignore[arg-type]
    assert held.peek(300) == b"x" * 300
    with pytest.raises(BodyDamage, match="larger than the limit"):
        held.peek(301)


# ---- get, inspect


@pytest.mark.parametrize("name", ARCHIVES)
def test_get_gives_every_record_that_inspect_names(samples: Path, name: str) -> None:
    path = samples / "formats" / name
    seen = {(item.offset, item.ordinal): told(item) for item in crawlmill.scan(path) if isinstance(item, Record)}
    rows = list(crawlmill.inspect(path))
    assert len(rows) == len(seen) > 5
    for row in rows:
        record = crawlmill.get(path, row["offset"], row["ordinal"])  # type: ignore[arg-type]
        assert told(record)[1:] == seen[record.offset, record.ordinal][1:]
        assert (record.type, record.url, record.status) == (row["type"], row["url"], row["status"])
    assert crawlmill.get(path, url=PICTURE).body.startswith(b"\x89PNG")


def test_get_of_a_block_that_cannot_be_had(samples: Path) -> None:
    path = samples / "damaged/bad-crc.warc.gz"
    record = crawlmill.get(path, 2683)
    assert record.url and record.head.startswith(b"WARC/1.0")
    with pytest.raises(BodyDamage):
        record.block  # noqa: B018
    large = crawlmill.get(samples / "formats/members.warc.gz", 4541, max_record=99)
    assert (large.status, large.payload_length) == ("200", 15692)
    with pytest.raises(BodyDamage, match="larger than the limit"):
        large.body  # noqa: B018


def test_what_get_refuses(samples: Path) -> None:
    path = samples / "formats/members.warc.gz"
    for arguments in ({}, {"offset": 0, "url": PICTURE}):
        with pytest.raises(UsageError, match="name one record"):
            crawlmill.get(path, **arguments)  # type: ignore[arg-type]
    with pytest.raises(CrawlmillError, match="no record begins here"):
        crawlmill.get(path, 1)
    with pytest.raises(CrawlmillError, match="No such file"):
        crawlmill.get(path.parent / "none.warc.gz", 0)


def run_command(*words: object) -> bytes:
    command = [sys.executable, "-m", "crawlmill", *map(str, words)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).stdout


@pytest.mark.slow
def test_the_commands_write_what_the_functions_return(samples: Path) -> None:
    path = samples / "formats/members.warc.gz"
    rows = [json.loads(line) for line in run_command("inspect", path, samples / "damaged", "--json").splitlines()]
    assert rows == list(crawlmill.inspect([path, samples / "damaged"]))
    assert any(str(row["type"]).startswith("!") for row in rows)
    record = crawlmill.get(path, 4541)
    for what, part in PARTS.items():
        assert run_command("get", path, "--offset", 4541, "--what", what) == part(record)
    checked = json.loads(run_command("verify", samples / "damaged", "--json"))
    found = crawlmill.verify(samples / "damaged")
    assert checked == {**vars(found), "damage": [vars(row) for row in found.damage]}


# ---- subset, verify


def test_a_subset_by_prefixes(samples: Path, tmp_path: Path) -> None:
    path, new = str(samples / "*.warc.gz"), tmp_path / "new.warc.gz"
    prefixes = ["https://www.example.com/", "https://example.org/"]
    made = crawlmill.subset(path, new, types="response", url=prefixes)
    expected = [item.url for item in crawlmill.scan(path, types="response") if isinstance(item, Record)]
    chosen = [url for url in expected if url and url.startswith(tuple(prefixes))]
    assert [row["url"] for row in crawlmill.inspect(new)] == chosen and made.records == len(chosen) > 5
    one = crawlmill.subset(path, new, types="response", url=prefixes[0], limit=2, overwrite=True)
    assert one.records == 2
    with pytest.raises(UsageError, match="the output exists"):
        crawlmill.subset(path, new)


@pytest.mark.parametrize("words", [["subset", "-o"], ["get", "--offset", "0", "-o"]])
def test_an_output_in_another_store_is_refused(samples: Path, tmp_path: Path, words: list[str]) -> None:
    path = samples / "formats/members.warc.gz"
    command = [sys.executable, "-m", "crawlmill", words[0], str(path), *words[1:], "s3://bucket/new.warc.gz"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=tmp_path, text=True)
    assert done.returncode == 2 and done.stderr.startswith(
        "crawlmill: s3://bucket/new.warc.gz: a local file is needed here, not s3://"
    )
    assert done.stderr.count("\n") == 1 and not list(tmp_path.iterdir())


def test_verify_tells_damage_as_it_is_met(samples: Path) -> None:
    met: list[Damage] = []
    found = crawlmill.verify(samples / "damaged", found=met.append)
    assert tuple(met) == found.damage and len(met) > 10 and not found.sound
    assert not crawlmill.verify(samples / "none.warc.gz").sound
    assert crawlmill.verify(samples / "formats/plain.warc").sound
