"""The hosts with most pages, as an mrjob job of two steps: count, then keep the first N.

``python jobs/top_hosts.py --top 10 -r inline|local|hadoop INPUT...`` writes a line a host, in rank order:
``["top_hosts",RANK,"HOST"] TAB PAGES``. Ties are ranked by host name. Damage and counters ride along.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable

from crawlmill import wire
from crawlmill.jobs.base import ArchiveJob, MRStep, Pairs, main

FIRST = b'["top_hosts"]'
"""The one key of the second step, so that one reducer sees what every mapper kept."""


class TopHosts(ArchiveJob):
    """Step 1 counts pages per host; in step 2 each mapper keeps its own first N, and one reducer the first N of those."""

    ANALYSES = ("hosts",)

    def configure_args(self) -> None:
        """``--top`` beside the options of every job."""
        super().configure_args()
        self.add_passthru_arg("--top", type=int, default=10, metavar="N", help="hosts to keep (10)")

    def steps(self) -> list[MRStep]:
        """Count, then choose."""
        choose = MRStep(
            mapper_init=self.choose_init,
            mapper=self.choose,
            mapper_final=self.choose_final,
            reducer_init=self.reducer_init,
            reducer=self.rank,
        )
        return [self.reading(), choose]

    def choose_init(self) -> None:
        """Nothing is kept yet."""
        self._first: list[tuple[int, str]] = []

    def choose(self, key: bytes, pages: bytes) -> Pairs:
        """Keep a host while it is among the first N; damage and counters go on as they are."""
        name, columns = wire.parse_key(key)
        if name != "hosts":
            yield key, pages
            return
        self._first.append((-int(pages), str(columns[0])))
        if len(self._first) >= 2 * self.options.top + 100:
            self._first = heapq.nsmallest(self.options.top, self._first)

    def choose_final(self) -> Pairs:
        """What this mapper kept."""
        for negative, host in heapq.nsmallest(self.options.top, self._first):
            yield FIRST, wire.value([negative, host]).encode()

    def rank(self, key: bytes, values: Iterable[bytes]) -> Pairs:
        """The first N of all mappers, in rank order."""
        if key != FIRST:
            yield from self.reducer(key, values)
            return
        kept = heapq.nsmallest(self.options.top, (tuple(json.loads(value)) for value in values))
        for rank, (negative, host) in enumerate(kept, 1):
            yield wire.split(wire.encode("top_hosts", (rank, host), -negative))


if __name__ == "__main__":
    main(TopHosts)
