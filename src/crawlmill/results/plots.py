"""Tables as pictures: bars of counts, a histogram of sizes, a graph of links. The same table gives the same bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from crawlmill.errors import MissingExtra, UsageError
from crawlmill.files import whole_name
from crawlmill.results.layout import layout
from crawlmill.results.report import top_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS, EDGES, MOST_EDGES = 20, 60, 240
"""How many bars and edges are drawn unless the user says otherwise."""
LABEL = 44
"""Characters of a label; a longer one loses its middle."""
_NODE_LABEL = 28
_BLUE, _DARK, _GREY = "#3b6ea5", "#22303c", "#6b7680"
_FONTS = ("DejaVu Sans", "Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Arabic", "WenQuanYi Zen Hei")
_ENDINGS = ("png", "svg")


def kind_of(table: pa.Table) -> str:
    """The picture that fits a table's columns.

    >>> kind_of(pa.table({"source": ["a"], "target": ["b"], "links": [1]}))
    'graph'
    >>> kind_of(pa.table({"mime": ["text/html"], "counts": [[0, 1]]})), kind_of(pa.table({"host": ["a"], "pages": [1]}))
    ('histogram', 'bar')
    """
    if table.column_names[:2] == ["source", "target"]:
        return "graph"
    return "histogram" if any(_is_counts(field.type) for field in table.schema) else "bar"


def draw(
    table: pa.Table, kind: str | None = None, top: int | None = None, title: str = "", key: str | None = None
) -> Figure:
    """A picture of a table.

    Args:
        table: a result.
        kind: ``bar``, ``histogram`` or ``graph``; None for what fits the columns.
        top: bars (the largest first number) or edges that are drawn.
        title: above the picture.
        key: of a histogram: one key instead of the sum over all.

    Raises:
        UsageError: the table has not the columns for it, or no rows. MissingExtra: matplotlib or networkx is missing.
    """
    kind = kind or kind_of(table)
    if kind not in ("bar", "histogram", "graph"):
        raise UsageError(f"no picture is called {kind!r}", hint="there are bar, histogram and graph")
    if not table.num_rows:
        raise UsageError("the table has no rows", hint="there is nothing to draw")
    if key is not None and kind != "histogram":
        raise UsageError("a key is for histograms alone", hint="use --top to draw less")
    with _style():
        if kind == "bar":
            return bar(table, top or BARS, title)
        return histogram(table, title, key) if kind == "histogram" else graph(table, top or EDGES, title)


def save(figure: Figure, path: str) -> None:
    """Write a picture, ``.png`` or ``.svg``, whole or not at all. Raises :class:`UsageError` for another ending."""
    ending = path.rpartition(".")[2].lower()
    if ending not in _ENDINGS:
        raise UsageError(f"no picture has the ending {ending!r}", path, "use .png or .svg")
    metadata = {"Software": None} if ending == "png" else {"Date": None, "Creator": None}
    with whole_name(path) as unfinished, _style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # it is drawn as a box: no font has every script
        figure.savefig(unfinished, format=ending, dpi=150, metadata=metadata, facecolor="white")


def bar(table: pa.Table, top: int, title: str) -> Figure:
    """Horizontal bars of a table's first number, the largest above; the key columns are the labels."""
    numbers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    if not numbers or "offset" in numbers:
        raise UsageError("the table has no counts to draw", hint=f"its columns are {', '.join(table.column_names)}")
    name = numbers[0]
    rows = top_rows(table, top)
    labels = [
        field.name for field in table.schema if not pa.types.is_list(field.type) and field.name not in numbers
    ] or ["rank"]
    keys = [rows[label].to_pylist() for label in labels] if labels != ["rank"] else [range(1, rows.num_rows + 1)]
    texts = [" · ".join(shorten(_shown(part)) for part in row) for row in zip(*keys, strict=True)]
    values = [value or 0 for value in rows[name].to_pylist()]
    figure, axes = _canvas(max(2.2, 1.2 + 0.3 * len(values)), title, f"{rows.num_rows:,} of {table.num_rows:,}")
    places = range(len(values))
    axes.barh(places, values, height=0.72, color=_BLUE)
    axes.set_yticks(places, texts)
    axes.invert_yaxis()
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.set_xlim(0, max([*values, 1]) * 1.12)
    for at, value in enumerate(values):
        axes.annotate(
            f"{value:,}", (value, at), (4, 0), textcoords="offset points", va="center", color=_DARK, fontsize=9
        )
    axes.set_xlabel(name.replace("_", " "))
    _quiet(axes, "x")
    return figure


def histogram(table: pa.Table, title: str, key: str | None = None) -> Figure:
    """Bars of counts by size: bin 0 holds what is empty, bin ``n`` sizes from ``2**(n-1)`` to ``2**n - 1`` bytes."""
    lists = [field.name for field in table.schema if _is_counts(field.type)]
    if not lists:
        raise UsageError("the table has no lists of counts", hint="draw bars, or name a table of sizes")
    first = table.column_names[0]
    counts: list[int] = []
    found = False
    for row in table.select([first, lists[0]]).to_pylist():
        if key is None or _shown(row[first]) == key or row[first] == key:
            found = True
            bins = row[lists[0]] or []
            counts += [0] * (len(bins) - len(counts))
            for at, count in enumerate(bins):
                counts[at] += count
    if not found:
        raise UsageError(f"no row has the {first} {key!r}", hint="crawlmill show lists the keys")
    used = [at for at, count in enumerate(counts) if count] or [0]
    low, high = used[0], used[-1]
    shown = counts[low : high + 1]
    over = f"{sum(counts):,} {'of ' + shorten(key) if key else f'in all {table.num_rows:,} rows'}"
    figure, axes = _canvas(4.6, title, over)
    axes.bar(range(low, high + 1), shown, width=0.92, color=_BLUE)
    axes.set_xticks(range(low, high + 1), [bin_label(at) for at in range(low, high + 1)])
    if len(shown) > 8:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    axes.set_ylim(0, max([*shown, 1]) * 1.1)
    for at, count in enumerate(shown, low):
        if count:
            axes.annotate(
                f"{count:,}", (at, count), (0, 3), textcoords="offset points", ha="center", color=_DARK, fontsize=9
            )
    axes.set_xlabel("size, from")
    axes.set_ylabel(lists[0].replace("_", " "))
    _quiet(axes, "y")
    return figure


def bin_label(at: int) -> str:
    """The smallest size of a bin.

    >>> [bin_label(at) for at in (0, 1, 10, 11, 21, 34)]
    ['0', '1 B', '512 B', '1 KiB', '1 MiB', '8 GiB']
    """
    if at == 0:
        return "0"
    unit, rest = divmod(at - 1, 10)
    return f"{1 << rest} {('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB')[unit]}"


def graph(table: pa.Table, top: int, title: str) -> Figure:
    """Hosts and the strongest links between them: wider lines are more links, larger dots are hosts with more of them.
    Links of a host to itself have no line."""
    if top > MOST_EDGES:
        raise UsageError(f"a graph of {top} links cannot be read", hint=f"draw {MOST_EDGES} at most, see --top")
    try:
        import networkx
    except ImportError:
        raise MissingExtra("networkx", "plot") from None
    names, numbers = table.column_names, [field.name for field in table.schema if pa.types.is_integer(field.type)]
    if len(names) < 3 or not numbers or not all(pa.types.is_string(table.schema.field(at).type) for at in (0, 1)):
        raise UsageError("a graph needs a source, a target and a count", hint=f"the columns are {', '.join(names)}")
    columns = [table[name].to_pylist() for name in (names[0], names[1], numbers[0])]
    links = sorted(
        ((source, target, count) for source, target, count in zip(*columns, strict=True) if source != target),
        key=lambda link: (-link[2], link[0], link[1]),
    )[:top]
    if not links:
        raise UsageError("no link leads from one host to another", hint="there is nothing to draw")
    net = networkx.DiGraph()
    for source, target, count in links:
        net.add_edge(source, target, weight=count)
    texts = {node: shorten(_shown(node), _NODE_LABEL) for node in net}
    places, width, height = layout(net, texts)
    beside = f"{len(links):,} strongest of {table.num_rows:,} links, {net.number_of_nodes():,} hosts"
    figure, axes = _canvas(height + 0.7, title, beside, width + 0.3)
    most = max(count for _, _, count in links)
    total = dict(net.degree(weight="weight"))
    largest = max(total.values())
    sizes = [50 + 250 * (total[node] / largest) for node in net]
    widths = [0.7 + 2.3 * count / most for _, _, count in net.edges(data="weight")]
    networkx.draw_networkx_edges(
        net,
        places,
        ax=axes,
        width=widths,
        edge_color="#a3b4c4",
        arrowsize=10,
        node_size=sizes,
        connectionstyle="arc3,rad=0.08",
    )
    networkx.draw_networkx_nodes(
        net, places, ax=axes, node_size=sizes, node_color=_BLUE, edgecolors="white", linewidths=1.2
    )
    for node, size in zip(net, sizes, strict=True):
        below = (0, -(size**0.5) / 2 - 2)
        axes.annotate(
            texts[node],
            places[node],
            below,
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            color=_DARK,
        )
    axes.set_xlim(0, width)
    axes.set_ylim(-height - 0.1, 0.1)
    axes.set_axis_off()
    return figure


def shorten(text: str, most: int = LABEL) -> str:
    """A label without its middle when it is long: the end of a host, and its beginning, say what it is.

    >>> shorten("https://a-very-long-name-of-a-host.example.org", 24)
    'https://a-v….example.org'
    """
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - half - 1]}…{text[-half - 1 :]}"


def _shown(value: object) -> str:
    return "(none)" if value is None else "(empty)" if value == "" else str(value)


def _is_counts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) and pa.types.is_integer(kind.value_type))


@contextmanager
def _style() -> Iterator[None]:
    """Settings of matplotlib while we draw: fonts for many scripts, texts that are no formulas, names that do not change."""
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError:
        raise MissingExtra("matplotlib", "plot") from None
    known = set(font_manager.get_font_names())
    fonts = [name for name in _FONTS if name in known] or ["sans-serif"]
    with matplotlib.rc_context({"font.family": fonts, "text.parse_math": False, "svg.hashsalt": "crawlmill"}):
        yield


def _canvas(height: float, title: str, beside: str, width: float = 9.0) -> tuple[Figure, Axes]:
    """An empty picture, in inches, with its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=_DARK, pad=10)
    axes.set_title(beside, loc="right", fontsize=9, color=_GREY, pad=10)
    return figure, axes


def _quiet(axes: Axes, grid: Literal["x", "y"]) -> None:
    """Frame and ticks that do not shout, and whole numbers beside the axis of counts."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    counts = axes.xaxis if grid == "x" else axes.yaxis
    wide = (axes.get_xlim() if grid == "x" else axes.get_ylim())[1] >= 1e5
    counts.set_major_locator(MaxNLocator(3 if wide and grid == "x" else 6, integer=True))
    counts.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.spines[["top", "right", "left" if grid == "x" else "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color("#c5ccd3")
    axes.tick_params(length=0, colors=_DARK, labelsize=9.5)
    axes.grid(axis=grid, color="#e6eaee", linewidth=0.8)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=_GREY, fontsize=10)
