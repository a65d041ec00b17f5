"""The graph of hosts, as an mrjob job of several steps: links, degrees, and PageRank by iterations.

``python jobs/host_graph.py --iterations 10 -r inline|local|hadoop INPUT...`` (WARC or WAT) writes a line a host:
``["host_graph","HOST"] TAB [OUT_DEGREE,IN_DEGREE,RANK]``. Links of a host to itself do not count, several links from one
host to another are one edge. Damage and counters ride along.

RANK is in millionths of the rank that a host has that nobody links to, ``x = 1 + d * sum(x_i / degree_i)`` by power
iteration with d = 0.85. It is proportional to PageRank in which the rank of a host without links goes to all hosts alike
(Del Corso, Gulli, Romani, Fast PageRank Computation via a Sparse Linear System, 2005). Whole numbers: the sum of floats
would depend on the order in which a reducer gets them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from crawlmill import wire
from crawlmill.jobs.base import ArchiveJob, MRStep, Pairs, main

UNIT = 1_000_000
"""The rank of a host that nobody links to."""
DAMPING = (85, 100)
NODE, SHARE, IN = "node", "share", "in"


class HostGraph(ArchiveJob):
    """Step 1 finds links, step 2 makes a node of every host, each further step is one iteration over the nodes."""

    ANALYSES = ("links",)

    def configure_args(self) -> None:
        """``--iterations`` beside the options of every job."""
        super().configure_args()
        self.add_passthru_arg("--iterations", type=int, default=10, metavar="N", help="of PageRank (10)")

    def steps(self) -> list[MRStep]:
        """Links, nodes, and the iterations, the last of which writes rows."""
        nodes = MRStep(mapper=self.ends, reducer_init=self.reducer_init, reducer=self.node)
        middle = MRStep(mapper=self.shares, reducer_init=self.reducer_init, reducer=self.iterate)
        last = MRStep(mapper=self.shares, reducer_init=self.reducer_init, reducer=self.finish)
        return [self.reading(), nodes, *[middle] * (max(1, self.options.iterations) - 1), last]

    # ---- step 2: from edges to nodes

    def ends(self, key: bytes, value: bytes) -> Pairs:
        """An edge, told to both of its hosts."""
        name, columns = wire.parse_key(key)
        if name != "links":
            yield key, value
            return
        source, target = columns
        yield _key(source), _value([NODE, target])
        yield _key(target), _value([IN, 1])

    def node(self, key: bytes, values: Iterable[bytes]) -> Pairs:
        """A host with its targets, its in-degree, and its first rank."""
        if _special(key):
            yield from self.reducer(key, values)
            return
        targets, incoming = [], 0
        for kind, told in map(json.loads, values):
            if kind == NODE:
                targets.append(told)
            else:
                incoming += told
        yield key, _value([NODE, sorted(targets), incoming, UNIT])

    # ---- the iterations

    def shares(self, key: bytes, value: bytes) -> Pairs:
        """A node as it is, and to each target its share of the node's rank."""
        yield key, value
        if _special(key):
            return
        _, targets, _, rank = json.loads(value)
        for target in targets:
            yield _key(target), _value([SHARE, rank // len(targets)])

    def iterate(self, key: bytes, values: Iterable[bytes]) -> Pairs:
        """A node with its next rank."""
        if _special(key):
            yield from self.reducer(key, values)
            return
        node: list[object] = []
        got = 0
        for told in map(json.loads, values):
            if told[0] == NODE:
                node = told
            else:
                got += told[1]
        yield key, _value([*node[:3], UNIT + got * DAMPING[0] // DAMPING[1]])

    def finish(self, key: bytes, values: Iterable[bytes]) -> Pairs:
        """The last iteration, and the row of the host."""
        for host, value in self.iterate(key, values):
            if not _special(host):
                _, targets, incoming, rank = json.loads(value)
                value = _value([len(targets), incoming, rank])
            yield host, value


def _key(host: object) -> bytes:
    return wire.split(wire.encode("host_graph", str(host), 0))[0]


def _value(value: object) -> bytes:
    return wire.value(value).encode()  # type: ignore[arg-type]


def _special(key: bytes) -> bool:
    """Whether a line is damage or a counter, which no step touches."""
    return not key.startswith(b'["host_graph",')


if __name__ == "__main__":
    main(HostGraph)
