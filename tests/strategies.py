"""Random archives for property tests: records of all sizes, archives within archives, in every layout, sound or damaged."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

from archives import gz, gz_whole, make_record

BODIES: dict[str, Callable[[random.Random], bytes]] = {
    "empty": lambda pick: b"",
    "small": lambda pick: b"User-agent: *\nDisallow: /%d\n" % pick.randrange(100, 999),
    "text": lambda pick: b"the same words again " * pick.randrange(1, 3000),
    "noise": lambda pick: pick.randbytes(pick.randrange(1, 90_000)),
    "nested": lambda pick: gz(nested(pick), pick.choice((0, 9))),
    "nested plain": lambda pick: b"".join(nested(pick)),
}


def nested(pick: random.Random) -> list[bytes]:
    """The records of an archive within an archive."""
    size = pick.choice((10, 400, 3000))
    return [
        make_record("response", f"http://inner.example/{number}", pick.randbytes(size))
        for number in range(pick.randrange(1, 80))
    ]


@st.composite
def records(draw: st.DrawFn) -> list[bytes]:
    """Records of all sizes. Long runs of small ones are needed for a strong border, and are cheap to draw this way."""
    kinds = draw(st.lists(st.sampled_from(sorted(BODIES)), min_size=1, max_size=12))
    pick = random.Random(draw(st.integers(0, 1 << 16)))
    found: list[bytes] = []
    for at, kind in enumerate(kinds):
        for number in range(pick.choice((1, 1, 1, 60)) if kind in ("small", "noise") and len(found) < 200 else 1):
            type = pick.choice(("response", "response", "request", "revisit", ""))
            found.append(make_record(type, f"http://{at}.example/{number}", BODIES[kind](pick)))
    return found


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The file as it is, or with bits flipped, bytes cut or put in."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        if draw(st.booleans()):  # at a member's beginning, where most can go wrong
            at = max(data.find(b"\x1f\x8b\x08", at) + draw(st.integers(0, 30)), 0)
        pick = random.Random(at)
        change = draw(st.sampled_from(("flip", "cut", "insert", "zeros", "tail")))
        if change == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << pick.randrange(8)]) + data[at + 1 :]
        elif change == "cut":
            data = data[:at] + data[at + draw(st.sampled_from((1, 100, 70_000))) :]
        elif change == "insert":
            data = data[:at] + pick.randbytes(draw(st.sampled_from((1, 100, 70_000)))) + data[at:]
        elif change == "zeros":
            data = data[:at] + bytes(500) + data[at:]
        elif draw(st.booleans()):
            data = data[:at]
    return data


LAYOUTS: dict[str, Callable[[list[bytes]], bytes]] = {
    "gz": gz,
    "stored": lambda given: gz(given, 0),
    "empty members": lambda given: b"".join(gz([b"", record]) for record in given),
    "several a member": lambda given: gz(b"".join(given[at : at + 3]) for at in range(0, len(given), 3)),
    "one member": gz_whole,
    "plain": b"".join,
}
