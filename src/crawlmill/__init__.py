"""crawlmill: write an analysis of a web archive once, as a plain function over a record, and run it on any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Record", "__version__", "analysis", "run", "shipped"]

if TYPE_CHECKING:
    from crawlmill.api import run
    from crawlmill.contract import analysis
    from crawlmill.own.imports import shipped
    from crawlmill.records.record import Record

_ROOMS = {
    "analysis": "crawlmill.contract",
    "run": "crawlmill.api",
    "Record": "crawlmill.records.record",
    "shipped": "crawlmill.own.imports",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(room), name)
    return found
