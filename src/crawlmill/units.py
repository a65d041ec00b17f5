"""Numbers for people."""

from __future__ import annotations


def human(count: float) -> str:
    """Bytes for people.

    >>> human(1536), human(210_000_000)
    ('1.5 KiB', '200.3 MiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
