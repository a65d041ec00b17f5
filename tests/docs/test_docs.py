"""The pages tell the truth: what they show is run, what they list is complete, and every public name has a docstring."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

import crawlmill
from crawlmill import registry
from crawlmill.cluster import daemons

ROOT = Path(__file__).resolve().parent.parent.parent


def module_of(path: Path) -> ModuleType:
    """A program of the checkout as a module."""
    loader = SourceFileLoader(f"docs_{path.stem}", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


consoles = module_of(ROOT / "tests/docs/consoles.py")
make_docs = module_of(ROOT / "scripts/make_docs")
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.is_file()]
NEEDS = {
    "resiliparse": r"\b(tags|words|links)\b|--what text",
    "matplotlib": r"crawlmill plot",
    "zstandard": r"\.zst\b",
    "lz4": r"\.lz4\b",
    "pyspark": r"\bpyspark\b|spark_apps/",
    "trafilatura": r"spark_apps/extract_text",
}
"""Optional packages, and what in a command wants them."""


def skip_without(text: str) -> None:
    """Skip when a command needs a package that is not installed."""
    for package, wanted in NEEDS.items():
        if re.search(wanted, text) and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def test_the_reader_of_the_pages() -> None:
    assert not doctest.testmod(consoles).failed


def quick_or_slow(page: Path) -> object:
    """The page as a parameter; those of docs/ take some seconds each."""
    marks = [] if page.parent == ROOT else [pytest.mark.slow]
    if page.stem in ("hadoop", "book", "mrjob"):
        marks.append(pytest.mark.hadoop)  # each starts a cluster of its own
    if page.stem.startswith("spark"):
        marks.append(pytest.mark.spark)
    return pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize("page", [quick_or_slow(page) for page in PAGES])
def test_a_page_shows_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """When only an output is old: ``python tests/docs/consoles.py PAGE`` puts the new one in."""
    text = page.read_text("utf-8")
    cases = [case for case in consoles.cases_of(text) if case.left_out is None]
    skip_without("\n".join(case.text for case in cases))
    folder = consoles.workspace(tmp_path / "crawlmill")
    monkeypatch.setenv("CRAWLMILL_CLUSTER", str(tmp_path / "cluster"))
    request.addfinalizer(lambda: daemons.down(tmp_path / "cluster"))  # a page that fails leaves no daemon behind
    for name in ("HADOOP_HOME", "HADOOP_CONF_DIR", "CRAWLMILL_WEBHDFS"):
        monkeypatch.delenv(name, raising=False)
    if page.stem.startswith("spark"):
        request.getfixturevalue("java")
        monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    for case in cases:
        found = consoles.found_of(case, folder)
        if case.shown is not None:
            assert consoles.fits(case.shown, found), (
                f"{page.name}: {case.text}\n--- shown\n{case.shown}--- found\n{found}"
            )


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}, (
                anchor
            )


# ---- what is made


@pytest.mark.parametrize("path, text", make_docs.pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_made_pages_are_up_to_date(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text, "run scripts/make_docs"


def test_check_exits_1_for_an_old_page(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "docs").mkdir()
    script = tmp_path / "scripts" / "make_docs"
    script.write_bytes((ROOT / "scripts/make_docs").read_bytes())
    (tmp_path / "docs/analyses.md").write_text(f"# x\n{make_docs.BEGIN}\nold\n{make_docs.END}\nrest\n", "utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, script, *arguments], capture_output=True, text=True, timeout=60, check=False
        )

    done = run("--check")
    assert done.returncode == 1 and "cli.md, analyses.md" in done.stderr
    assert run().returncode == 0
    assert run("--check").returncode == 0
    assert (tmp_path / "docs/analyses.md").read_text("utf-8").endswith(f"{make_docs.END}\nrest\n")


def test_every_command_has_help_and_an_example() -> None:
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert len(make_docs.commands()) >= 9
    for name, callback in make_docs.commands().items():
        text, example = make_docs.help_of(callback)
        assert text and f"crawlmill {name}" in example, name
        assert f"\n## crawlmill {name}\n" in page and example in page
        arguments, options = make_docs._parameters(callback)
        missing = [words for words, *_, meaning in arguments if not meaning]
        assert not missing + [words for words, _, meaning, _ in options if not meaning], name


@pytest.mark.slow
def test_the_examples_run_in_their_order(tmp_path: Path) -> None:
    folder = consoles.workspace(tmp_path / "crawlmill")
    examples = {
        name: make_docs.help_of(callback)[1]
        for name, callback in make_docs.commands().items()
        if not name.startswith("hadoop ")  # docs/hadoop.md runs them
    }
    skip_without("\n".join(examples.values()))
    for name, example in examples.items():
        printed = consoles.shell(f"set -e; {example}; echo; echo fine", folder)
        assert printed.endswith("\nfine\n"), f"{name}: {example}\n{printed}"


@pytest.mark.slow
def test_help_of_the_command_has_what_the_page_has() -> None:
    """typer shows the same words, though in boxes."""
    wide = {**os.environ, "COLUMNS": "300"}
    for name, callback in make_docs.commands().items():
        command = [sys.executable, "-m", "crawlmill", *name.split(), "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=wide).stdout
        for words, *_ in make_docs._parameters(callback)[1]:
            assert all(word in shown for word in words.split(", ")), (name, words)


def test_every_analysis_has_its_section() -> None:
    page = (ROOT / "docs/analyses.md").read_text("utf-8")
    for analysis in registry.load(registry.builtin_names()):
        section = page.partition(f"\n## {analysis.base}\n")[2].partition("\n## ")[0]
        assert f"$ crawlmill run {analysis.base} " in section, analysis.base
        for option in analysis.defaults:
            assert f"`{option}" in section, option


# ---- the code block of CONTRIBUTING.md


@pytest.fixture(scope="module")
def my_job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with the file and the samples, and the commands that the page shows below it."""
    blocks = consoles.blocks_of((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    at = next(at for at, block in enumerate(blocks) if block.file == "my_job.py")
    folder: Path = tmp_path_factory.mktemp("mine")
    (folder / "my_job.py").write_text(blocks[at].text, "utf-8")
    (folder / "data_samples").symlink_to(ROOT / "data_samples")
    return folder, [line for line in blocks[at + 1].text.splitlines() if line.strip()]


@pytest.mark.slow
def test_the_commands_of_contributing_run(my_job: tuple[Path, list[str]]) -> None:
    folder, commands = my_job
    assert len(commands) >= 3
    for command in commands:
        printed = consoles.shell(f"set -eo pipefail; {command}; echo fine", folder)
        assert "schemes" in printed and printed.endswith("fine\n"), f"{command}\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("only_ok", [True, False])
def test_the_job_of_contributing_gives_equal_rows_on_every_engine(
    my_job: tuple[Path, list[str]], only_ok: bool
) -> None:
    folder, commands = my_job
    inputs = str(ROOT / "data_samples" / "*.warc.gz")
    options = {"schemes": {"only_ok": only_ok}}
    rows = {}
    for pool in ("process", "thread"):
        run = crawlmill.run(f"{folder}/my_job.py:schemes", inputs, pool=pool, workers=2, options=options)
        rows[pool] = [tuple(row.values()) for row in run["schemes"].to_pylist()]
    pipe = next(command for command in commands if "crawlmill.mappers" in command)
    if not only_ok:
        pipe = pipe.replace("my_job.py:schemes", "my_job.py:schemes --set schemes.only_ok=false")
    lines = [line.split("\t") for line in consoles.shell(f"({pipe}) 2>/dev/null", folder).splitlines()]
    pairs = [(json.loads(key), json.loads(value)) for key, value in lines]
    rows["pipe"] = [(*key[1:], value) for key, value in pairs if key[0].startswith("schemes")]
    assert rows["process"] == rows["thread"] == rows["pipe"]
    assert sum(row[-1] for row in rows["pipe"]) == (73 if only_ok else 86)


# ---- docstrings


def undocumented(path: Path) -> list[str]:
    """The module, and its public classes and functions, when they have no docstring."""
    tree = ast.parse(path.read_text("utf-8"))
    name = str(path.relative_to(ROOT))
    found = [] if ast.get_docstring(tree) or not tree.body else [name]

    public = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"]
    return found + [f"{name}:{node.name}" for node in public if not ast.get_docstring(node)]


@pytest.mark.parametrize("room", ["src/crawlmill", "mappers", "reducers"])
def test_every_public_name_has_a_docstring(room: str) -> None:
    missing = [name for path in sorted((ROOT / room).rglob("*.py")) for name in undocumented(path)]
    assert not missing, "no docstring: " + ", ".join(missing)
