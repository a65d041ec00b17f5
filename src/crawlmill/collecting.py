"""The pairs of one analysis to merged pairs, and those to lines of the wire format."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from crawlmill import wire
from crawlmill.contract import Analysis
from crawlmill.schema import clean_string, misfit

PAIR = 200
"""Bytes of a small key and its state in a dict, about."""


class Collector:
    """Merges the pairs of one analysis. The pairs of a record come in together, or not at all."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis, self.name = analysis, analysis.name
        self.call = partial(analysis.function, **analysis.options) if analysis.options else analysis.function
        self.merged: dict[Any, Any] = {}
        self.extra = 0  # bytes of the texts in keys, and of states that grow with every value
        reducer = analysis.reducer
        self._start, self._merge = reducer.start, reducer.merge
        self._plain = bool(getattr(reducer, "PLAIN", False))
        self._texts = all(column.type == "string" for column in analysis.key)
        self._grows = int(getattr(reducer, "GROWS", 0))
        self._text_key = len(analysis.key) == 1 and analysis.key[0] == (analysis.key[0].name, "string", False)
        counts = analysis.merge_name == "total" and reducer.__name__ == "crawlmill.reducers.total"
        self.collect = self._collect_counts if counts and self._texts else self._collect

    def _collect_counts(self, pairs: list[tuple[Any, Any]]) -> int:
        """The most common case, made short: keys of texts, whole numbers that are added."""
        merged = self.merged
        if len(pairs) == 1:
            key, value = pairs[0]
            if type(value) is int and key in merged:
                merged[key] += value
                return 0
        if not self._text_key:
            return self._collect(pairs)
        for key, value in pairs:
            if type(key) is not str or type(value) is not int or not (key.isascii() or clean_string(key)):
                return self._collect(pairs)  # says what is wrong
        new, texts = -len(merged), 0
        for key, value in pairs:
            if key in merged:
                merged[key] += value
            else:
                merged[key] = value
                texts += len(key)
        self.extra += texts
        return texts + PAIR * (new + len(merged))

    def _collect(self, pairs: list[tuple[Any, Any]]) -> int:
        """Merge the pairs of a record; returns about how many bytes they added."""
        analysis, start, started, merged = self.analysis, self._start, [], self.merged
        for key, value in pairs:
            # a key of texts that is there already was held against its schema (other types may be equal: True is 1)
            wrong = None if self._texts and key in merged else misfit(analysis.key, key)
            if wrong is None and self._plain:
                wrong = misfit(analysis.value, value)
            if wrong is not None:
                raise TypeError(wrong)
            started.append((key, start(value)))
        merge, grows, texts, new = self._merge, self._grows, 0, -len(merged)
        if grows:
            texts = sum([grows + _text(value) for _, value in pairs])
        for key, state in started:
            if key in merged:
                merged[key] = merge(merged[key], state)
            else:
                merged[key] = state
                texts += _text(key)
        self.extra += texts
        return texts + PAIR * (new + len(merged))

    @property
    def size(self) -> int:
        """Estimated bytes."""
        return len(self.merged) * PAIR + self.extra

    def lines(self) -> Iterable[bytes]:
        """The merged pairs as lines, in no order, which empties the collector."""
        prefix, columns, text = wire.prefix(self.name), wire.columns, wire.value
        dump = self.analysis.reducer.dump
        merged, self.merged, self.extra = self.merged, {}, 0
        return (f"{prefix}{columns(key)}]\t{text(dump(state))}\n".encode("ascii") for key, state in merged.items())


def _text(value: Any) -> int:
    """Characters of the texts in a key or a value."""
    if type(value) is str:
        return len(value)
    return sum(map(_text, value)) if type(value) in (tuple, list) else 0
