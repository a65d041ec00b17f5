"""crawlmill: write an analysis of a web archive once, as a plain function over a record, and run it on any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Record", "__version__", "analysis", "get", "inspect", "run", "scan", "shipped", "subset", "verify"]

if TYPE_CHECKING:
    from crawlmill.api import run
    from crawlmill.contract import analysis
    from crawlmill.looking.getting import get
    from crawlmill.looking.inspecting import inspect
    from crawlmill.looking.scanning import scan
    from crawlmill.looking.verifying import verify
    from crawlmill.own.imports import shipped
    from crawlmill.records.record import Record
    from crawlmill.results.subset import subset

_ROOMS = {
    "Record": "crawlmill.records.record",
    "analysis": "crawlmill.contract",
    "get": "crawlmill.looking.getting",
    "inspect": "crawlmill.looking.inspecting",
    "run": "crawlmill.api",
    "scan": "crawlmill.looking.scanning",
    "shipped": "crawlmill.own.imports",
    "subset": "crawlmill.results.subset",
    "verify": "crawlmill.looking.verifying",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(room), name)
    return found
