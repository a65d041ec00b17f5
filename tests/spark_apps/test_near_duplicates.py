"""Near duplicates in a collection that was made with them, against brute force over all pairs; and components of graphs."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Hashable, Iterable
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlmill.errors import CrawlmillError
from crawlmill.spark_apps import common, near_duplicates
from crawlmill.spark_apps.components import components
from crawlmill.spark_apps.minhash import Shape, fingerprint, runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Place = tuple[str, str, int, int]
THRESHOLD = Fraction(8, 10)


def collection() -> list[dict[str, Any]]:
    """Texts with known relations: copies, copies in other letters, copies with some words replaced, strangers, and texts
    with few words or none. The places are shuffled, so that the first of a cluster may be any of it."""
    rng = random.Random(2026)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(3000)]
    texts: list[str] = []
    for _ in range(10):
        base = rng.choices(vocabulary, k=rng.randint(100, 300))
        texts += [" ".join(base), " ".join(base).upper() + "!"]
        for changes in (1, 2, 3, 5, 8, 13, 40):
            changed = list(base)
            for at in rng.sample(range(len(base)), changes):
                changed[at] = rng.choice(vocabulary)
            texts.append(" ".join(changed))
    chain = rng.choices(vocabulary, k=150)
    for _ in range(12):  # each near the one before it, the ends strangers
        texts.append(" ".join(chain))
        for at in rng.sample(range(150), 3):
            chain[at] = rng.choice(vocabulary)
    texts += [" ".join(rng.choices(vocabulary, k=120)) for _ in range(15)]
    texts += ["two words", "Two, words.", "", "...", "one"]
    rng.shuffle(texts)
    return [
        {
            "url": f"http://{number * 7 % 10}.example/{number % 3}",
            "uri": f"/crawl/{number % 4}.warc.gz",
            "offset": 100 * number,
            "ordinal": number % 2,
            "text": text,
            "note": f"row {number}",
        }
        for number, text in enumerate(texts)
    ]


ROWS = collection()


def place(row: dict[str, Any]) -> Place:
    return row["url"], row["uri"], row["offset"], row["ordinal"]


TEXTS: dict[Place, str] = {place(row): row["text"] for row in ROWS}
SETS = {at: frozenset(runs(text, 5)) for at, text in TEXTS.items() if list(runs(text, 5))}


def similarity(a: Place, b: Place) -> Fraction:
    """The Jaccard similarity of two texts by their words."""
    return Fraction(len(SETS[a] & SETS[b]), len(SETS[a] | SETS[b]))


def grouped(edges: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """The components of a graph, each sorted."""
    root: dict[Hashable, Hashable] = {}

    def find(node: Hashable) -> Hashable:
        while root.setdefault(node, node) != node:
            node = root[node]
        return node

    for a, b in edges:
        root[find(a)] = find(b)
    found: dict[Hashable, list[Any]] = defaultdict(list)
    for node in list(root):
        found[find(node)].append(node)
    return sorted(sorted(group) for group in found.values())


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.mkdir(parents=True)
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        pq.write_table(pa.Table.from_pylist(part), path / f"part-{number}.parquet")
    return str(path)


def run(*words: str) -> int:
    return common.run(near_duplicates.parser(), near_duplicates.work, words)


def rows_of(frame: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict() for row in frame.collect()]


@pytest.fixture(scope="module")
def out(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the collection."""
    folder = tmp_path_factory.mktemp("near")
    assert run(write(folder / "texts", ROWS), "-o", str(folder / "out")) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def pairs(spark: SparkSession, out: Path) -> dict[tuple[Place, Place], dict[str, Any]]:
    def at(row: dict[str, Any], side: str) -> Place:
        return row[f"url_{side}"], row[f"uri_{side}"], row[f"offset_{side}"], row[f"ordinal_{side}"]

    found = rows_of(spark.read.parquet(str(out / "pairs")))
    by_place = {(at(row, "a"), at(row, "b")): row for row in found}
    assert len(by_place) == len(found) and all(a < b for a, b in by_place)
    return by_place


def test_the_candidates_are_those_of_a_plain_loop(pairs: dict[tuple[Place, Place], dict[str, Any]]) -> None:
    prints = {at: fingerprint(TEXTS[at], 5, 128, Shape(18, 7)) for at in SETS}
    equal: dict[bytes, list[Place]] = defaultdict(list)
    buckets: dict[int, list[Place]] = defaultdict(list)
    for at, made in sorted(prints.items()):
        assert made is not None
        equal[bytes(made.same)].append(at)
    for members in equal.values():
        first = prints[members[0]]
        for bucket in first.buckets if first is not None else ():
            buckets[bucket].append(members[0])
    wanted = {(members[0], other) for members in equal.values() for other in members[1:]}
    assert len(wanted) == 11
    wanted |= {pair for members in buckets.values() for pair in combinations(members, 2)}
    assert pairs.keys() == wanted


def test_similarities_are_those_of_brute_force(pairs: dict[tuple[Place, Place], dict[str, Any]]) -> None:
    for (a, b), row in pairs.items():
        assert (row["shared"], row["total"]) == (len(SETS[a] & SETS[b]), len(SETS[a] | SETS[b]))
        assert row["jaccard"] == float(similarity(a, b))
        one, two = (fingerprint(TEXTS[at], 5, 128, Shape(18, 7)) for at in (a, b))
        assert one is not None and two is not None
        agreed = sum(x == y for x, y in zip(one.signature, two.signature, strict=True))
        assert row["estimate"] == agreed / 128


def test_near_duplicates_are_found_as_often_as_promised(pairs: dict[tuple[Place, Place], dict[str, Any]]) -> None:
    """Of all pairs of different texts at or above the threshold: at least 95 of 100, and no fewer than the
    sum of their chances."""
    distinct = list({shingles: at for at, shingles in sorted(SETS.items(), reverse=True)}.values())
    true = {(a, b) for a, b in combinations(sorted(distinct), 2) if similarity(a, b) >= THRESHOLD}
    found = true & pairs.keys()
    assert len(true) > 60 and len(found) >= 0.95 * len(true)
    chance = Shape(18, 7).chance
    assert len(found) >= sum(float(chance(similarity(a, b))) for a, b in true) - 3
    false = [pair for pair, row in pairs.items() if row["jaccard"] < 0.8]
    assert 0 < len(false) < len(pairs) / 2, "candidates below the threshold are shown, and there are not many"


def test_clusters_are_the_components_and_the_first_is_kept(
    spark: SparkSession, out: Path, pairs: dict[tuple[Place, Place], dict[str, Any]]
) -> None:
    wanted = grouped(pair for pair in pairs if similarity(*pair) >= THRESHOLD)
    members: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(spark.read.parquet(str(out / "clusters"))):
        members[row["kept_url"], row["kept_uri"], row["kept_offset"], row["kept_ordinal"]].append(row)
    assert sorted(sorted(map(place, rows)) for rows in members.values()) == wanted
    for keeper, rows in members.items():
        assert keeper == min(map(place, rows))
        assert all(row["kept"] == (place(row) == keeper) and row["members"] == len(rows) for row in rows)
    assert max(len(group) for group in wanted) >= 10, "the chain holds together though its ends are strangers"


def test_kept_are_the_rows_of_the_input_without_the_others(spark: SparkSession, out: Path) -> None:
    clusters = rows_of(spark.read.parquet(str(out / "clusters")))
    dropped = {place(row) for row in clusters if not row["kept"]}
    found = rows_of(spark.read.parquet(str(out / "kept")))
    wanted = [row for row in ROWS if place(row) not in dropped]
    assert sorted(found, key=place) == sorted(wanted, key=place)
    assert {"", "...", "one"} <= {row["text"] for row in found}, "texts without words are nobody's duplicates"


def test_a_full_bucket_is_compared_with_its_first_only(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = spark.createDataFrame([(1, ["a", "b", "c"]), (2, ["b", "c", "d", "e"])], "bucket bigint, ids array<string>")
    monkeypatch.setattr(near_duplicates, "FULL", 3)
    found = sorted(map(tuple, near_duplicates.candidates(frame).collect()))
    assert found == [("a", "b"), ("a", "c"), ("b", "c"), ("b", "d"), ("b", "e")]


def test_archives_are_read_and_their_damage_is_a_table(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("resiliparse", reason="resiliparse is not installed: pip install 'crawlmill[html]'")
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    out = tmp_path / "out"
    options = ["--where", "status=200", "--shingle", "3", "--checkpoint", str(tmp_path / "kept")]
    assert run(*inputs, "--from", "warc", "-o", str(out), *options) == 0
    kept = rows_of(spark.read.parquet(str(out / "kept")))
    dropped = [row for row in rows_of(spark.read.parquet(str(out / "clusters"))) if not row["kept"]]
    assert len({row["text"] for row in kept}) == len(kept) > 30, (
        "the damaged archives hold pages of the sound ones again"
    )
    assert len({row["url"] for row in dropped}) > 5
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"texts with words: {len(kept) + len(dropped)}; 18 bands of 7 rows"
    assert printed[-1].endswith(f"; dropped: {len(dropped)} texts")
    assert spark.read.parquet(str(out / "damage")).count() == 15


def test_texts_of_wet_files(spark: SparkSession, samples: Path) -> None:
    words = [str(samples / "wet"), "--from", "wet", "-o", "unused"]
    frame = near_duplicates.texts(spark, near_duplicates.parser().parse_args(words))
    assert set(near_duplicates.PLACE) < set(frame.columns) and frame.count() == frame.where("text != ''").count() > 20


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["TEXTS", "TEXTS"], 1, "the text of this place is there twice; name each table once"),
        (["TEXTS", "--extractor", "justext"], 2, "no column is called 'extractor'"),
        (["TEXTS", "--threshold", "1.5"], 2, "--threshold is 1.5; it is above 0 and at most 1"),
        (["TEXTS", "--bands", "50", "--rows", "5"], 2, "50 bands of 5 rows do not fit into 128 permutations"),
        (["TEXTS", "--where", "status=200"], 2, "--where and --base are for archives"),
        (["BOTH"], 2, "there are texts of justext, resiliparse"),
        (["BARE"], 2, "no column is called 'offset'"),
        (["NONE"], 1, "PATH_NOT_FOUND"),
    ],
)
def test_errors_are_one_line(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, line: str
) -> None:
    paths = {
        "TEXTS": write(tmp_path / "texts", ROWS[:4]),
        "BOTH": write(
            tmp_path / "both", [{**row, "extractor": name} for row in ROWS[:2] for name in ("justext", "resiliparse")]
        ),
        "BARE": write(tmp_path / "bare", [{"url": "a", "uri": "b", "text": "c"}] * 2),
        "NONE": str(tmp_path / "none"),
    }
    out = tmp_path / "out"
    assert run(*(paths.get(word, word) for word in words), "-o", str(out)) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and line in said
    assert not out.exists()


# ---- components


def graph() -> list[tuple[int, int]]:
    """A path of 120 nodes with names in no order, a star, a ring, a clique, and pairs; with loops and doubled edges."""
    rng = random.Random(2026)
    names = rng.sample(range(10_000), 400)
    edges = list(pairwise(names[:120]))
    edges += [(names[150], name) for name in names[151:200]]
    edges += [*pairwise(names[200:240]), (names[239], names[200])]
    edges += list(combinations(names[250:258], 2))
    edges += [(names[at], names[at + 1]) for at in range(300, 320, 2)]
    edges += [(b, a) for a, b in edges[:20]] + [(names[0], names[0]), (names[399], names[399])]
    rng.shuffle(edges)
    return edges


def test_components(spark: SparkSession) -> None:
    frame = spark.createDataFrame(graph(), "a bigint, b bigint")
    found: dict[int, list[int]] = defaultdict(list)
    for row in components(frame, lambda step: step.localCheckpoint()).collect():
        found[row.root].append(row.node)
    wanted = [group for group in grouped(graph()) if len(group) > 1]
    assert sorted(map(sorted, found.values())) == wanted and len(wanted) == 14
    assert all(root == min(group) for root, group in found.items())


def test_components_of_nothing_and_of_too_long_a_path(spark: SparkSession) -> None:
    def keep(frame: DataFrame) -> DataFrame:
        return frame.localCheckpoint()

    assert components(spark.createDataFrame([], "a bigint, b bigint"), keep).isEmpty()
    with pytest.raises(CrawlmillError, match="not found in 1 turns"):
        components(spark.createDataFrame(graph(), "a bigint, b bigint"), keep, most=1)


def test_help_needs_no_spark(root: Path) -> None:
    command = [sys.executable, str(root / "spark_apps/near_duplicates.py"), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "--permutations" in shown and "1 - (1 - s**rows)**bands" in shown
