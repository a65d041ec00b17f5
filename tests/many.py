"""Makes very many small archives, for tests of plans."""

from __future__ import annotations

import os
from pathlib import Path

from archives import gz, make_record


def links(folder: Path, count: int) -> Path:
    """A manifest of archives that are links to one."""
    archive = folder / "archive"
    archive.write_bytes(gz([make_record("response", "http://a.example/", b"x" * 600)]))
    paths = []
    for number in range(count):
        if number % 1000 == 0:
            below = folder / str(number // 1000)
            below.mkdir()
        if number % 30_000 == 29_999:  # file systems allow an inode some links only
            data = archive.read_bytes()
            archive.unlink()
            archive.write_bytes(data)
        paths.append(below / f"{number}.warc.gz")
        os.link(archive, paths[-1])
    manifest = folder / "many.paths"
    manifest.write_text("".join(f"{path}\n" for path in paths))
    return manifest
