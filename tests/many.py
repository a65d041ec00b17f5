"""Makes very many small archives, for tests of plans."""

from __future__ import annotations

from pathlib import Path

from archives import gz, make_record


def copies(folder: Path, count: int) -> Path:
    """A manifest of archives that are copies of one; links to one would be one."""
    data = gz([make_record("response", "http://a.example/", b"x" * 600)])
    paths = []
    for number in range(count):
        if number % 1000 == 0:
            below = folder / str(number // 1000)
            below.mkdir()
        paths.append(below / f"{number}.warc.gz")
        paths[-1].write_bytes(data)
    manifest = folder / "many.paths"
    manifest.write_text("".join(f"{path}\n" for path in paths))
    return manifest
