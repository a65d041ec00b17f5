"""Where the nodes of a graph stand on paper, so that no label lies on another; the same graph, the same places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def layout(net: Any, texts: Mapping[str, str]) -> tuple[dict[str, tuple[float, float]], float, float]:
    """Where each node stands, in inches, and the width and height of all. Parts that no link joins stand side by side in
    rows: pushed apart by springs, they would fly off.

    Args:
        net: a networkx graph.
        texts: the label under each node.
    """
    parts = [_part(net, part, texts) for part in _parts(net)]
    area = sum(width * height for _, width, height in parts)
    across = max(8.6, 1.25 * area**0.5, *(width for _, width, _ in parts))
    found: dict[str, tuple[float, float]] = {}
    left, above, row = 0.0, 0.0, 0.0
    for places, width, height in sorted(parts, key=lambda part: (-part[2], -part[1], min(part[0]))):
        if left and left + width > across:
            left, above, row = 0.0, above + row + 0.2, 0.0
        for node, (x, y) in places.items():
            found[node] = (left + x, -(above + y))
        left, row = left + width + 0.2, max(row, height)
    return found, across, above + row


def _parts(net: Any) -> list[set[str]]:
    """The parts of a graph that no link joins, in an order of their own."""
    import networkx

    return sorted(networkx.weakly_connected_components(net), key=min)


def _part(net: Any, part: set[str], texts: Mapping[str, str]) -> tuple[dict[str, tuple[float, float]], float, float]:
    """One part: springs first, then labels that lie on each other are pushed apart."""
    import networkx
    import numpy

    plain = networkx.Graph()
    plain.add_nodes_from(sorted(part))
    plain.add_edges_from(sorted(tuple(sorted(edge)) for edge in net.subgraph(part).edges()))
    nodes = list(plain)
    spring = networkx.spring_layout(plain, k=2.0 / len(nodes) ** 0.5, seed=7, iterations=200, weight=None)
    points = numpy.array([spring[node] for node in nodes]) * [0.75 * len(nodes) ** 0.5, 0.5 * len(nodes) ** 0.5]
    boxes = numpy.array([(max(0.5, 0.07 * len(texts[node]) + 0.15), 0.55) for node in nodes])
    for _ in range(300):
        apart = points[:, None] - points[None]
        over = (boxes[:, None] + boxes[None]) / 2 - abs(apart)
        numpy.fill_diagonal(over[:, :, 0], -1)
        hit = (over > 0.001).all(axis=2)
        if not hit.any():
            break
        upright = over[:, :, 1] <= over[:, :, 0]  # along the axis where less is to be moved
        order = numpy.sign(numpy.arange(len(nodes))[:, None] - numpy.arange(len(nodes))[None])
        for axis, along in ((0, ~upright), (1, upright)):
            way = numpy.where(apart[:, :, axis] == 0, order, numpy.sign(apart[:, :, axis]))
            points[:, axis] += (0.3 * over[:, :, axis] * way * (hit & along)).sum(axis=1)
    low = (points - boxes / 2).min(axis=0)
    width, height = (points + boxes / 2).max(axis=0) - low
    return (
        {node: (float(x), float(y)) for node, (x, y) in zip(nodes, points - low, strict=True)},
        float(width),
        float(height),
    )
