"""What is installed, from a wheel and editable: the library with the four folders of jobs inside it, nothing else."""

from __future__ import annotations

import ast
import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = {name: Path(folder) for name, folder in PROJECT["tool"]["setuptools"]["package-dir"].items()}
JOBS = [folder for name, folder in FOLDERS.items() if name != "crawlmill"]


def can_build() -> bool:
    try:
        return int(importlib.metadata.version("setuptools").split(".")[0]) >= 77
    except importlib.metadata.PackageNotFoundError:
        return False


needs_setuptools = pytest.mark.skipif(
    not can_build(), reason="building without network needs setuptools >= 77 here: pip install 'crawlmill[dev]'"
)
SCRIPTS = [ROOT / ".ci/run", *(path for path in sorted(ROOT.glob("scripts/*")) if path.is_file() and not path.suffix)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources apart from the checkout, so that a build neither reads nor leaves anything there."""
    target = tmp_path_factory.mktemp("copy")
    for file in ("pyproject.toml", "setup.py", "LICENSE", "README.md"):
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, target / file)
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def build(copy: Path, hook: str, target: Path) -> Path:
    """What the build backend makes (`hook` is `build_wheel` or `build_editable`), unpacked as pip would install it."""
    code = f"from setuptools import build_meta; build_meta.{hook}({str(target)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = target.glob("*.whl")
    site = target / "site"
    zipfile.ZipFile(wheel).extractall(site)
    return site


@pytest.fixture(scope="module")
def wheel(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(copy, "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def editable(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(copy, "build_editable", tmp_path_factory.mktemp("editable"))


def where_imported(site: Path, *modules: str) -> list[Path]:
    """The files that a bare python imports `modules` from, with `site` as its only folder of packages."""
    code = (
        "import importlib, site, sys; site.addsitedir(sys.argv[1])\n"
        "for name in sys.argv[2:]: print(importlib.import_module(name).__file__)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(site), *modules]
    done = subprocess.run(command, cwd=site.parent, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


def files_below(folder: Path) -> set[Path]:
    return {
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".md"
    }


@needs_setuptools
def test_a_wheel_holds_every_file_of_the_packages_and_nothing_else(copy: Path, wheel: Path) -> None:
    # A folder without __init__.py, or data that package-data does not name, is missing from the wheel.
    expected = {Path(*name.split("."), file) for name, folder in FOLDERS.items() for file in files_below(copy / folder)}
    installed = {file for file in files_below(wheel) if not file.parts[0].endswith(".dist-info")}
    assert {"missing": expected - installed, "too much": installed - expected} == {"missing": set(), "too much": set()}
    assert sorted(path.name for path in wheel.iterdir()) == ["crawlmill", f"crawlmill-{version()}.dist-info"]
    assert Path("crawlmill/py.typed") in installed


@needs_setuptools
def test_a_wheel_imports_from_another_folder(wheel: Path) -> None:
    assert where_imported(wheel, *FOLDERS) == [Path(wheel, *name.split("."), "__init__.py") for name in FOLDERS]


@needs_setuptools
def test_an_editable_installation_imports_from_the_sources(copy: Path, editable: Path) -> None:
    assert where_imported(editable, *FOLDERS) == [copy / folder / "__init__.py" for folder in FOLDERS.values()]


@needs_setuptools
def test_metadata(wheel: Path) -> None:
    (folder,) = wheel.glob("*.dist-info")
    metadata = email.message_from_string((folder / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Version"] == version()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "crawlmill = crawlmill.cli:main" in (folder / "entry_points.txt").read_text(encoding="utf-8")
    assert "Apache License" in (folder / "licenses" / "LICENSE").read_text(encoding="utf-8")


def version() -> str:
    """`crawlmill.__version__`, read without importing."""
    tree = ast.parse((ROOT / "src/crawlmill/__init__.py").read_text(encoding="utf-8"))
    found = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    ]
    return str(ast.literal_eval(found[0]))


def test_setup_py_lists_the_folders_of_pyproject() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (folders,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert {name: Path(folder) for name, folder in folders.items()} == FOLDERS


def test_no_job_hides_another_module() -> None:
    # The folder of a script comes first on sys.path: `python mappers/json.py` would break whatever imports json.
    others = {name for name, owners in importlib.metadata.packages_distributions().items() if owners != ["crawlmill"]}
    own = {file.stem for folder in JOBS for file in (ROOT / folder).glob("[!_]*")}
    hidden = own & (sys.stdlib_module_names | others)
    assert not hidden


def test_extra_all_is_every_extra_but_mpi_and_dev() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (joined,) = (re.fullmatch(r"crawlmill\[(.*)\]", item) for item in extras["all"])
    assert joined and set(joined[1].split(",")) == set(extras) - {"all", "dev", "mpi"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    first = script.read_bytes().split(b"\n", 1)[0]
    assert os.access(script, os.X_OK), f"chmod +x {script.relative_to(ROOT)}"
    assert first.startswith(b"#!")
    if b"bash" in first:
        subprocess.run(["bash", "-n", str(script)], check=True)
