"""The user's own files on every engine: helpers, a package, a merge, shipped data. They travel, and what does not ends the run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crawlmill
from conformance.rows import Row, rows
from crawlmill import analysis
from crawlmill.errors import CrawlmillError
from crawlmill.own import imports
from crawlmill.reducers import total
from own_project import ROWS, write, write_late


@pytest.mark.parametrize("row", rows("own_code"))
def test_the_users_own_files_are_there(
    row: Row, samples: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in one process and one session: the second time a helper is another one, and so are the rows."""
    project = write(tmp_path / "project")
    monkeypatch.chdir(tmp_path)  # nothing is found because it lies in the working folder
    engine = row.engine(request)
    for word in ("deep", "deeper"):
        (project / "pack/constants.py").write_text(f"SUFFIX = {word!r}\n")
        run = crawlmill.run(
            ["project/job.py", "origins"],
            str(samples / "*.warc.gz"),
            on=engine,
            split_size=30_000,
            ship=["project/lists/words.txt"],
        )
        expected = [{**found, "key": str(found["key"]).replace("deep", word)} for found in ROWS]
        assert run["mine"].to_pylist() == expected and run.damage.num_rows == 0


@pytest.mark.parametrize("row", rows("late_module"))
def test_a_module_that_does_not_travel_ends_the_run(
    row: Row, samples: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It is never damage, nor a module of that name that a node happens to have; once it is shipped, it is there."""
    job, engine = write_late(tmp_path), row.engine(request)
    with pytest.raises(CrawlmillError, match=r"the module chosen_late of your own .*--ship") as failed:
        crawlmill.run(str(job), str(samples / "*.warc.gz"), on=engine)
    assert failed.value.exit_code == 1 and not re.search(r"[\r\n]", str(failed.value))
    run = crawlmill.run(str(job), str(samples / "*.warc.gz"), on=engine, ship=[tmp_path / "chosen_late.py"])
    assert run["late"].to_pylist() == [{"name": "chosen", "pages": 87}] and run.damage.num_rows == 0


@pytest.mark.parametrize("row", rows("notebook"))
def test_a_function_of_a_notebook_takes_its_modules_along(
    row: Row, samples: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their names in the function, and by an import inside it."""
    engine = row.engine(request)
    write(tmp_path, {"aside.py": "import aside_more\ndef kind(record):\n    return aside_more.X + record.type\n"})
    write(tmp_path, {"aside_more.py": "X = 'x-'\n", "aside_late.py": "Y = '-y'\n"})
    imports.offer(())  # else the folders of an earlier run come back when the path is put right
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("aside", "aside_more", "aside_late"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    aside = importlib.import_module("aside")

    @analysis(reduce=total, key="kind: string", value="records: int64", types="response")
    def kinds(record: crawlmill.Record) -> Iterator[tuple[str, int]]:
        import aside_late

        yield aside.kind(record) + aside_late.Y, 1

    run = crawlmill.run(kinds, str(samples / "*.warc.gz"), on=engine)
    assert run["kinds"].to_pylist() == [{"kind": "x-response-y", "records": 87}] and run.damage.num_rows == 0
    assert {"aside.py", "aside_more.py", "aside_late.py"} <= set(run.identity["files"])
