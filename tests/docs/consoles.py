"""Runs what the pages show: the commands of their ```console blocks and their ```python blocks.

    python tests/docs/consoles.py docs/local.md ...     # put the real output into pages

A console block holds lines that begin with `$ `, each followed by its output; a line `...` in an output stands for any
lines. A python block runs as it stands, and a ```text block right after it is its output. A block after a line
`<!-- run: NAME -->` or `<!-- file: NAME -->` is written to that file first, one after `<!-- more: NAME -->` is added to its end.
The blocks of a page run in their order, in one folder that has the checkout's files in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = "/path/to/crawlmill"
"""What a page shows in place of the checkout's path."""
NOT_RUN = {
    "scripts/demo": "makes an environment of its own; tests/test_demo.py runs it",
    "scripts/test": "is what runs this test",
    "git clone": "needs the network",
    "cd crawlmill": "we are there",
    "pip install": "needs the network; tests/packaging installs",
}
"""Beginnings of commands that are left out, and why."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<how>run|file|more): (?P<file>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: what follows the fence, the text, the file that it is, where the text stands, and whether
    it goes on with the file."""

    kind: str
    text: str
    file: str | None
    start: int
    more: bool = False


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in order.

    >>> blocks_of("<!-- file: a.py -->\\n```python\\n1\\n```\\n")
    [Block(kind='python', text='1\\n', file='a.py', start=30, more=False)]
    """
    return [
        Block(found["kind"], found["text"], found["file"], found.start("text"), found["how"] == "more")
        for found in _BLOCK.finditer(page)
    ]


def commands_of(block: str) -> list[tuple[str, str]]:
    """Commands of a console block with the output shown; a command goes on after a line that ends in a backslash.

    >>> commands_of("$ echo a \\\\\\n  b\\na b\\n$ true\\n")
    [('echo a \\\\\\n  b', 'a b\\n'), ('true', '')]
    """
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
    return [(command, output) for command, output in found]


def normal(text: str) -> str:
    """A text without what differs from run to run, and without blanks at the ends of lines and of the text.

    >>> normal("read 2 records in 0.3 s  \\n")
    'read 2 records in N s\\n'
    """
    text = re.sub(r"\bin \d+\.\d+ s\b", "in N s", text)
    text = re.sub(r"(\"seconds\": )[\d.]+", r"\1N", text)
    text = re.sub(r"(\"version\":)\"\d+\"", r"\1N", text)
    text = re.sub(r"(\"time\":\")[^\"]*", r"\1N", text)
    return "".join(line.rstrip() + "\n" for line in text.rstrip().splitlines())


def fits(shown: str, found: str) -> bool:
    """Whether a page shows what was found.

    >>> fits("a\\n...\\nd\\n", "a\\nb\\nc\\nd\\n"), fits("a\\n", "a\\nb\\n")
    (True, False)
    """
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line + "\n") for line in normal(shown).splitlines())
    return re.fullmatch(pattern, normal(found)) is not None


def workspace(folder: Path) -> Path:
    """A folder with the checkout's files in it by links, and a build/ of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in ROOT.iterdir():
        if path.name[0] != "." and path.name != "build":
            (folder / path.name).symlink_to(path)
    (folder / "build" / "docs").mkdir(parents=True)
    return folder


def shell(command: str, folder: Path) -> str:
    """What a command prints, stdout and stderr together, with the folder's path as a page shows it."""
    return _output(["bash", "-c", command], folder)


def program(text: str, folder: Path) -> str:
    """What a Python program prints that comes by stdin, as the cells of a notebook do."""
    return _output([sys.executable, "-"], folder, text, check=True)


def _output(command: list[str], folder: Path, stdin: str = "", check: bool = False) -> str:
    bin = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
    environment |= {"COLUMNS": "80", "TERM": "dumb", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", timeout=400, check=check,
    )  # fmt: skip
    return done.stdout.replace(str(folder), SHOWN)


@dataclass(frozen=True)
class Case:
    """A command or program of a page: what is run, the output that the page shows (None: it shows none), and where
    that stands in the page."""

    kind: str
    text: str
    shown: str | None
    start: int
    file: str | None = None

    @property
    def left_out(self) -> str | None:
        """Why it is not run, or None."""
        return next(
            (why for begin, why in NOT_RUN.items() if self.kind == "console" and self.text.startswith(begin)), None
        )


def cases_of(page: str) -> Iterator[Case]:
    """All that a page lets a reader run, in order."""
    blocks = blocks_of(page)
    for at, block in enumerate(blocks):
        if block.file is not None:
            yield Case("more" if block.more else "file", block.text, None, block.start, block.file)
        elif block.kind == "python":
            after = blocks[at + 1] if at + 1 < len(blocks) else None
            between = "" if after is None else page[block.start + len(block.text) : after.start]
            if after is not None and between == "```\n\n```text\n":
                yield Case("python", block.text, after.text, after.start)
            else:
                yield Case("python", block.text, None, block.start)
        elif block.kind == "console":
            at_byte = 0
            for command, output in commands_of(block.text):
                at_byte = block.text.index(f"$ {command}\n", at_byte) + len(command) + 3
                yield Case("console", command, output, block.start + at_byte)


def found_of(case: Case, folder: Path) -> str:
    """The output of a case. Raises subprocess.CalledProcessError when a Python program fails."""
    if case.kind in ("file", "more"):
        with open(folder / (case.file or ""), "w" if case.kind == "file" else "a", encoding="utf-8") as file:
            file.write(case.text)
        return ""
    return program(case.text, folder) if case.kind == "python" else shell(case.text, folder)


def rewritten(page: str, folder: Path) -> str:
    """The page with the output that its commands really have; what fits already stays as it is."""
    changes: list[Case] = []
    for case in cases_of(page):
        if case.left_out is None:
            found = found_of(case, folder)
            if case.shown is not None and not fits(case.shown, found):
                lines = "".join(line.rstrip() + "\n" for line in found.rstrip().splitlines())
                changes.append(replace(case, text=lines))
    for case in reversed(changes):
        page = page[: case.start] + case.text + page[case.start + len(case.shown or "") :]
    return page


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="docs-") as scratch:
            path = Path(name)
            path.write_text(rewritten(path.read_text("utf-8"), workspace(Path(scratch) / "crawlmill")), "utf-8")
