"""Each record once, whatever is named: a file under several names, spans that overlap, ranges, wholes, in any mixture."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crawlmill
from archives import gz, gz_whole, make_record
from crawlmill.errors import UsageError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.records.record import Record
from crawlmill.warc.reading import Reading

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RECORDS = [make_record("response", f"http://a.example/{number}", os.urandom(3000)) for number in range(120)]
SMALL = gz(RECORDS[:10])
Line = dict[str, object]


def urls_of(inputs: list[str], split_size: int | None = None) -> list[str]:
    """The URLs of all records that a plan gives, each as often as it is given."""
    items = (item for split in make_plan(inputs, split_size).splits for item in read_split(split, Reading()))
    return sorted(str(item.url) for item in items if isinstance(item, Record))


LAYOUTS: dict[str, Callable[[list[bytes]], bytes]] = {"members": gz, "plain": b"".join, "one": gz_whole}


@pytest.fixture(scope="module", params=LAYOUTS)
def crawl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many records under four names, and in a folder by itself."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "in").mkdir()
    path = folder / "in" / "a.warc.gz"
    path.write_bytes(LAYOUTS[request.param](RECORDS))
    (folder / "link.warc.gz").symlink_to(path)
    os.link(path, folder / "hard.warc.gz")
    return path


def names(path: Path) -> list[str]:
    above = path.parent.parent
    return [
        str(path),
        f"file://{path}",
        f"{above}/./in/../in/a.warc.gz",
        str(above / "link.warc.gz"),
        str(above / "hard.warc.gz"),
    ]


def lines(path: Path, kinds: tuple[str, ...]) -> st.SearchStrategy[list[Line]]:
    """Lines of a manifest: spans, ranges that begin a record, the whole file, under any of its names."""
    size = path.stat().st_size
    offsets = sorted({item.offset for split in make_plan([str(path)]).splits for item in read_split(split, Reading())})
    place = st.one_of(st.integers(0, size + 10), st.sampled_from(offsets), st.sampled_from([at + 1 for at in offsets]))
    span = st.tuples(place, st.one_of(place, st.none())).filter(lambda ab: ab[1] is None or ab[0] < ab[1])
    ranges = st.lists(st.tuples(st.sampled_from(offsets), st.sampled_from([0, 1, 500, 3300, 1 << 40])), max_size=5)
    every: dict[str, st.SearchStrategy[Line]] = {
        "span": span.map(lambda ab: {"start": ab[0], "end": ab[1]}),
        "ranges": ranges.map(lambda found: {"ranges": [list(item) for item in found]}),
        "whole": st.just({}),
    }
    chosen = st.one_of([every[kind] for kind in kinds])
    return st.lists(
        st.builds(lambda uri, line: {"uri": uri, **line}, st.sampled_from(names(path)), chosen), min_size=1, max_size=8
    )


def alone(line: Line, folder: Path) -> set[str]:
    manifest = folder / "alone.jsonl"
    manifest.write_text(json.dumps(line) + "\n")
    found = urls_of([str(manifest)]) if line.get("ranges") != [] else []
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.slow
@settings(parent=relaxed, max_examples=25)
@pytest.mark.parametrize(
    "kinds", [("span",), ("ranges",), ("span", "whole"), ("ranges", "whole"), ("span", "ranges", "whole")]
)
@given(data=st.data())
def test_the_records_of_the_union_each_once(
    crawl: Path, kinds: tuple[str, ...], tmp_path: Path, data: st.DataObject
) -> None:
    drawn = data.draw(lines(crawl, kinds))
    cut = data.draw(st.integers(0, len(drawn)))
    manifests = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, part in zip(manifests, (drawn[:cut], drawn[cut:]), strict=True):
        path.write_text("".join(json.dumps(line) + "\n" for line in part))
    union = set().union(*(alone(line, tmp_path) for line in drawn))
    inputs = [str(path) for path in manifests]
    try:
        found = urls_of(inputs, data.draw(st.sampled_from([None, 50_000])))
    except UsageError as error:
        if "no input" in str(error):
            assert not union
            return
        assert "spans of this archive are named, and single records as well" in str(error)
        has = {"ranges" if "ranges" in line else "span" if "start" in line else "whole" for line in drawn}
        assert {"span", "ranges"} <= has and "whole" not in has
        return
    assert Counter(found) == Counter(union)


def test_the_first_name_is_that_of_the_rows_and_the_others_are_said(crawl: Path) -> None:
    known = names(crawl)
    for first in range(len(known)):
        order = known[first:] + known[:first]
        plan = make_plan(order)
        expected = os.path.abspath(order[0].removeprefix("file://"))
        assert [item.uri for item in plan.inputs] == [expected] and len(plan.twice) in (2, 3)
        assert {split.uri for split in plan.splits} == {expected}


def test_one_file_by_a_folder_a_glob_a_manifest_and_a_link(crawl: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "some.paths"
    manifest.write_text("".join(f"{name}\n" for name in names(crawl)))
    above = crawl.parent.parent
    inputs = [str(above), f"{above}/in", f"{above}/**/*.warc.gz", str(manifest), str(crawl)]
    assert urls_of(inputs) == sorted(f"http://a.example/{number}" for number in range(120))


def test_missing_files_are_one_by_their_place(tmp_path: Path) -> None:
    run = crawlmill.run(
        "records",
        [f"{tmp_path}/no.warc.gz", f"{tmp_path}/./no.warc.gz", f"file://{tmp_path}/no.warc.gz"],
        damage="accept",
        workers=1,
        pool="thread",
    )
    assert run.damage.num_rows == 1 and len(run.plan.twice) == 1


def test_spans_that_are_the_whole_file_have_its_records(crawl: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "a.jsonl"
    uri = json.dumps(str(crawl))
    spans = [f'{{"uri":{uri},"start":{start},"end":{end}}}' for start, end in ((0, 100), (100, 5000), (5000, "null"))]
    for lines in ([*spans, f'{{"uri":{uri},"ranges":[[0,500]]}}'], [f'{{"uri":{uri},"ranges":[[0,500]]}}', *spans]):
        manifest.write_text("\n".join(lines))
        assert urls_of([str(manifest)]) == urls_of([str(crawl)])


def test_copies_are_not_one(tmp_path: Path) -> None:
    for name in ("a.warc.gz", "b.warc.gz"):
        (tmp_path / name).write_bytes(SMALL)
    assert len(urls_of([str(tmp_path)])) == 20


@pytest.mark.parametrize("links", [1, 3, 8])
def test_a_pattern_goes_round_no_links(tmp_path: Path, links: int) -> None:
    folder = tmp_path / "sl"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for place in (folder, folder / "deep" / "er", folder / ".hidden"):
        (place / f"{place.name.strip('.')}.warc.gz").write_bytes(SMALL)
    for number in range(links):
        (folder / f"up{number}").symlink_to(folder)
        (folder / "deep" / f"up{number}").symlink_to("..")
    for pattern in ("**", "**/*.warc.gz", "**/**/*", "**/**"):
        plan = make_plan([f"{folder}/{pattern}"])
        found = [os.path.basename(item.uri) for item in plan.inputs]
        assert sorted(found) == ["er.warc.gz", "sl.warc.gz"], pattern
        assert plan.twice
    assert len(urls_of([f"{folder}/d**p/**/*"])) == 20


def test_patterns_are_those_of_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import glob

    from crawlmill.stores.globs import matching

    for name in ("a.x", "b/a.x", "b/c/a.x", "b/c/d/b.y", ".h/a.x", "b/.h.x", "[b]/a.x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for pattern in (
        "*",
        "**",
        "**/*",
        "b/**",
        "**/a.x",
        "**/c/**/*.y",
        "b/**/d/*",
        "*/**/a.x",
        f"{tmp_path}/**/*.x",
        "[[]b]/**",
    ):
        files = {name for name in glob.glob(pattern, recursive=True) if os.path.isfile(name)}
        assert {name for name in matching(pattern) if os.path.isfile(name)} == files, pattern


def test_spans_of_several_planned_versions_are_those_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(SMALL)
    manifest = tmp_path / "a.jsonl"
    manifest.write_text(
        f'{{"uri":"a.warc.gz","end":100,"size":{len(SMALL)},"version":"5"}}\n'
        '{"uri":"./a.warc.gz","start":100,"size":77777,"version":"6"}\n'
    )
    plan = make_plan([str(manifest)])
    assert {(split.file_size, split.version) for split in plan.splits} == {(len(SMALL), "5")}
    assert [(item.size, item.version) for item in plan.inputs] == [(len(SMALL), "5")]


def test_hdfs_has_one_name_for_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from crawlmill.plan.once import Given, each_once
    from crawlmill.plan.split import Split

    monkeypatch.setenv("CRAWLMILL_WEBHDFS", "told:1")
    named = ["hdfs:///crawl/a.warc.gz", "hdfs://host:8020/crawl//a.warc.gz", "webhdfs://host/crawl/a.warc.gz"]
    found, twice = each_once(Given(Split(uri), "") for uri in [*named, "hdfs:///crawl/b.warc.gz"])
    assert [item.split.uri for item in found] == [named[0], "hdfs:///crawl/b.warc.gz"] and twice == named[1:]
