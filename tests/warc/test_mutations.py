"""The laws of reading, on archives of every layout that were broken in seeded ways: nothing is lost in silence, nothing false is read."""

from __future__ import annotations

import io
import os
import random
from collections import Counter
from itertools import pairwise

import pytest

from crawlmill.stores.pipe import Pipe
from crawlmill.warc.codecs import BadData, Codec
from crawlmill.warc.damage import Damage
from crawlmill.warc.layout import find_layout
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Piece
from crawlmill.warc.sync import skippable
from crawlmill.warc.walk import walk
from memory import Found, Memory, read
from mutations import LAYOUTS, Broken, broken

MUTATIONS = int(os.environ.get("CRAWLMILL_MUTATIONS") or 300)
"""How many, over all layouts. CRAWLMILL_MUTATIONS=10000 CRAWLMILL_SEED=0 takes some minutes."""
SEED = int(os.environ.get("CRAWLMILL_SEED") or 9_000_000)
"""The first seed. A few others hold two changes of which one hides the other: no reader can tell those."""
OUTSIDE = ("body", "oversized", "analysis")
EVIDENCE = ("digest", "range", "changed")


def check(form: str, layout: str, seed: int) -> None:
    done = broken(form, layout, seed)
    try:
        laws(done)
    except Exception as problem:
        raise AssertionError(f"{done.how}: {problem}") from problem


def laws(done: Broken) -> None:
    data = done.data
    found = read(data, blocks=True)
    if not done.unsure:
        nothing_is_lost(done, found)
        nothing_is_false(done, found)
    pieces_tile(data, full=False)
    pieces_tile(data, full=True)
    everything_agrees(done, found)
    full_is_the_same(data, found)


def nothing_is_lost(done: Broken, found: Found) -> None:
    """Every record that nobody changed is there, with its place and its bytes, or inside a row."""
    there: dict[tuple[int, str | None], list[bytes | None]] = {}
    for record in found.records:
        there.setdefault((record.offset, record.url), []).append(record.block)
    for part in done.parts:
        key = (part.start, part.unit.url)
        fitting = [block for block in there.get(key, []) if block is None or block in part.unit.data]
        if fitting:
            there[key].remove(fitting[0])
            continue
        assert _covered(part.start, part.end, found.rows), f"lost in silence: {key} to {part.end}; {found.rows}"


def _covered(start: int, end: int, rows: list[Damage]) -> bool:
    """Whether rows cover a span: one, or several that follow one another."""
    for row in sorted(rows, key=lambda row: row.offset):
        if row.offset <= start < row.offset + row.length:
            start = row.offset + row.length
    return start >= end


def nothing_is_false(done: Broken, found: Found) -> None:
    """What was read is a record of the file, or lies where it was changed; of what stands once nothing is read twice."""
    known = {part.unit.url for part in done.parts}
    times = Counter(part.unit.url for part in done.parts)
    for record in found.records:
        rough = any(start <= record.offset < max(end, start + 1) for start, end in done.rough)
        if not rough:
            assert record.offset in done.places and record.url in known, f"false: {record}; {found.rows}"
    if not _a_container_is_changed(done):
        assert not [record for record in found.records if record.url and "inner.example" in record.url]
    for url, count in Counter(record.url for record in found.records).items():
        if not done.rough and url in times:
            assert count <= times[url], f"{url} was read {count} times"


def _a_container_is_changed(done: Broken) -> bool:
    """Whether a record that holds a plain archive is not whole any more: its records may look like those of the file."""
    whole = sum("nested-plain" in (part.unit.url or "") for part in done.parts)
    return whole < done.containers


def pieces_tile(data: bytes, full: bool) -> None:
    """Records, rows of loss and glue tile the file: in plain bytes where it decodes, in stored bytes where it does not."""
    reading = Reading(full=full, trace=[])
    records, rows = [], []
    for item in walk(Memory(data), 0, None, reading):
        (rows if isinstance(item, Damage) else records).append(item)
    trace: list[Piece] = reading.trace or []
    layout = find_layout(Memory(data)) if data else None
    if layout is None:
        assert records == [] and [(row.offset, row.length) for row in rows] == [(0, len(data))]
        return
    stored = sorted((piece.start, piece.end) for piece in trace if piece.origin < 0)
    places = {(record.offset, record.ordinal) for record in records}
    for piece in trace:
        if piece.what == "lost" and piece.origin < 0:
            assert _covered(piece.start, piece.end, rows), f"no row for {piece}: {rows}"
    if layout.codec is None:
        tile([(piece.start, piece.end) for piece in trace], 0, len(data))
        for piece in trace:
            assert piece.what != "lost" or _covered(piece.start, piece.end, rows), f"no row for {piece}: {rows}"
    else:
        _members_tile(data, layout.codec, trace, stored, rows)
    for row in rows:
        evidence = (row.offset, row.ordinal) in places
        assert evidence or row.kind not in EVIDENCE
        assert row.kind not in OUTSIDE or row.analysis == ""
        assert row.kind != "truncated" or row.offset + row.length == len(data), f"not at the end of the file: {row}"


def _members_tile(
    data: bytes, codec: Codec, trace: list[Piece], stored: list[tuple[int, int]], rows: list[Damage]
) -> None:
    """The members that were not passed over as stored bytes decode, and their plain bytes are tiled."""
    spans, at = dict(stored), 0
    members: list[tuple[int, int, int]] = []  # offset, end, plain bytes
    while at < len(data):
        if at in spans:
            assert spans[at] > at, spans
            at = spans[at]
            continue
        length = skippable(data[at : at + 8]) if codec.name in ("zstd", "lz4") else None
        if length is not None:
            assert at + length <= len(data)
            at += length
            continue
        size, end = _decoded(codec, data, at)
        members.append((at, end, size))
        at = end
    assert at == len(data)
    starts: dict[int, int] = {}
    total = 0
    for offset, _, size in members:
        starts[offset] = total
        total += size
    pieces = []
    for piece in trace:
        if piece.origin < 0:
            continue
        base = next((starts[offset] for offset, _, _ in members if offset >= piece.origin), None)
        if base is None:  # of a member that does not decode what came before it did not
            assert any(start >= piece.origin for start in spans), (piece, spans, starts)
            continue
        begin, end = base + piece.start, base + piece.end
        if piece.what == "lost":
            held = [m for m in members if starts[m[0]] < end and begin < starts[m[0]] + m[2]]
            for offset, stop, _ in held:
                assert _covered(offset, stop, rows), f"no row for {piece} in the member at {offset}: {rows}"
        pieces.append((begin, min(end, _run_end(members, starts, spans, piece.origin, base))))
    tile(pieces, 0, total)


def _run_end(
    members: list[tuple[int, int, int]], starts: dict[int, int], spans: dict[int, int], origin: int, end: int
) -> int:
    """Where the plain bytes end that can be had in one go from a member on: what is shown of a cut member lies behind."""
    for offset, stop, size in members:
        if offset >= origin:
            end = starts[offset] + size
            if stop in spans:
                break
    return end


def _decoded(codec: Codec, data: bytes, at: int) -> tuple[int, int]:
    decoder, size, where = codec.make(), 0, at
    try:
        while not decoder.eof and where < len(data):
            fed = data[where : where + codec.step]
            where += len(fed)
            size += sum(map(len, decoder.feed(fed)))
    except BadData:
        raise AssertionError(f"the member at {at} does not decode, and nothing says so") from None
    assert decoder.eof, f"the member at {at} is cut, and nothing says so"
    return size, where - len(decoder.unused)


def tile(pieces: list[tuple[int, int]], start: int, end: int) -> None:
    at = start
    for begin, stop in sorted(piece for piece in pieces if piece[1] > piece[0]):
        assert begin == at, (
            f"{'gap' if begin > at else 'overlap'} at {min(at, begin)} to {max(at, begin)}: {sorted(pieces)}"
        )
        at = stop
    assert at == end, f"{at} of {end} are told of: {sorted(pieces)}"


def everything_agrees(done: Broken, found: Found) -> None:
    """Splits anywhere, a pipe, and bodies that are not read: the same records and rows, values included."""
    data, pick = done.data, random.Random(done.how)
    for size in (max(1, len(data) // 7), 150, pick.randrange(1, len(data) + 2)):
        cuts = [0, *range(size, len(data), size)][:40]
        parts = [read(data, start, end, blocks=True) for start, end in pairwise([*cuts, None])]
        assert [record for part in parts for record in part.records] == found.records, f"splits of {size}"
        assert [row for part in parts for row in part.rows] == found.rows, f"splits of {size}"
        assert sum(part.reading.empty_members for part in parts) == found.reading.empty_members
    pipe = Pipe(io.BytesIO(data))
    try:
        piped = read(pipe, blocks=True)
    finally:
        pipe.close()
    assert piped.records == found.records
    assert [(row.offset, row.length, row.kind, row.ordinal, row.records) for row in piped.rows] == [
        (row.offset, row.length, row.kind, row.ordinal, row.records) for row in found.rows
    ]
    untouched = read(data, http=False)
    assert untouched.rows == found.rows
    assert [(seen.offset, seen.ordinal, seen.url) for seen in untouched.records] == [
        (seen.offset, seen.ordinal, seen.url) for seen in found.records
    ]


def full_is_the_same(data: bytes, found: Found) -> None:
    """A full check gives the same, minus records of members that do not decode, each of them in a row."""
    whole = read(data, full=True, blocks=True)
    left = Counter((seen.offset, seen.ordinal, seen.url, seen.block) for seen in whole.records)
    for seen in found.records:
        key = (seen.offset, seen.ordinal, seen.url, seen.block)
        if left[key]:
            left[key] -= 1
        else:
            assert seen.block is None, f"a full check lost {seen}"
            assert _covered(seen.offset, seen.offset + seen.length, whole.rows), f"lost: {seen}; {whole.rows}"
    assert not +left, f"a full check found more: {+left}"


@pytest.mark.parametrize(("form", "layout"), LAYOUTS)
def test_mutations(form: str, layout: str) -> None:
    for seed in range(SEED, SEED + -(-MUTATIONS // len(LAYOUTS))):
        try:
            check(form, layout, seed)
        except AssertionError as problem:
            raise AssertionError(f"CRAWLMILL_SEED={seed}: {problem}") from problem
