"""Counts work in place of time: calls of Python and C functions, the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls, those written in C too.

    >>> calls(lambda: [len("") for _ in range(100)]) in range(100, 110)
    True
    """
    count = 0

    def event(frame: FrameType, kind: str, _: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    sys.setprofile(event)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
