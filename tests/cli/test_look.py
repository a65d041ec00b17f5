"""The commands that look at archives, against the known answers of the samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from warcio.archiveiterator import ArchiveIterator

from archives import gz, make_record
from crawlmill.cli import app
from crawlmill.errors import CrawlmillError, DamageLimit, UsageError

CRAWL = "CC-SAMPLE-*.warc.gz"
PAGE = "https://www.example.com/formats"


def ask(*words: object) -> Result:
    """Run a command; what it raises is raised here."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, CrawlmillError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


def lines(*words: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in ask(*words, "--json").stdout.splitlines()]


def contents(path: Path) -> list[tuple[str, str | None, str | None, bytes]]:
    """(type, id, block digest, block) of every record, as warcio reads them."""
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            record.raw_stream.read()
        file.seek(0)
        found = []
        for record in ArchiveIterator(file, no_record_parse=True):
            head = record.rec_headers
            name = record.rec_type, head.get_header("WARC-Record-ID"), head.get_header("WARC-Block-Digest")
            found.append((*name, record.raw_stream.read()))
        return found


@pytest.fixture(scope="module")
def answers(samples: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((samples / "answers.json").read_text())
    return found


def test_inspect_lists_every_record(samples: Path, answers: dict[str, dict[str, object]]) -> None:
    found = lines("inspect", samples / CRAWL)
    types: dict[object, int] = {}
    for line in found:
        types[line["type"]] = types.get(line["type"], 0) + 1
    assert types == answers["crawl"]["records_by_type"]
    assert len({(line["uri"], line["offset"]) for line in found}) == len(found)


def test_inspect_filters_and_stops(samples: Path, answers: dict[str, dict[str, object]]) -> None:
    found = lines("inspect", samples / CRAWL, "--types", "response", "--where", "status=404")
    assert len(found) == answers["crawl"]["status"]["404"]  # type: ignore[index]
    assert len(lines("inspect", samples / CRAWL, "--limit", 3)) == 3


def test_inspect_writes_tab_separated_lines_to_a_pipe(samples: Path) -> None:
    path = samples / "formats" / "members.warc.gz"
    one = ask("inspect", path, "--where", "mime=image/png").stdout
    assert (
        one == "4541\t0\t16334\tresponse\t200\timage/png\t2026-01-06T08:00:33Z\thttps://cdn.example.net/picture.png\n"
    )
    assert ask("inspect", path, samples / "formats" / "plain.warc").stdout.startswith(f"{path}\t0\t0\t")


def test_inspect_shows_damage_where_it_lies(samples: Path) -> None:
    found = lines("inspect", samples / "damaged" / "junk-between.warc.gz")
    (junk,) = [line for line in found if str(line["type"]).startswith("!")]
    assert (junk["offset"], junk["length"]) == (4541, 300)
    assert [line["offset"] for line in found] == sorted(line["offset"] for line in found)  # type: ignore[type-var]
    cut = lines("inspect", samples / "damaged" / "truncated.warc.gz")
    assert cut[-1]["type"] == "!truncated"
    assert cut[-1]["message"]


@pytest.mark.parametrize(
    "name", ["members.warc.gz", "plain.warc", "one-member.warc.gz", "misaligned.warc.gz", "v1.arc.gz"]
)
def test_get_finds_what_inspect_names(samples: Path, name: str) -> None:
    path = samples / "formats" / name
    whole = ask("get", path, "--url", "https://cdn.example.net/picture.png").stdout_bytes
    (line,) = lines("inspect", path, "--types", "response", "--where", "mime=image/png")
    assert whole.startswith(b"\x89PNG") and len(whole) == 15692
    assert ask("get", path, "--offset", line["offset"], "--ordinal", line["ordinal"]).stdout_bytes == whole


def test_get_parts(samples: Path, tmp_path: Path) -> None:
    path = samples / "formats" / "members.warc.gz"
    parts = {
        what: ask("get", path, "--url", PAGE, "--what", what).stdout_bytes
        for what in ("block", "http", "payload", "headers")
    }
    assert parts["http"] + parts["payload"] == parts["block"]
    assert parts["http"].startswith(b"HTTP/1.1 200") and parts["http"].endswith(b"\r\n\r\n")
    assert f"WARC-Target-URI: {PAGE}\r\n".encode() in parts["headers"]
    assert ask("get", path, "--url", f" <{PAGE}> ", "-o", tmp_path / "page.html").stdout_bytes == b""
    assert (tmp_path / "page.html").read_bytes() == parts["payload"]
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_get_undoes_encodings(tmp_path: Path) -> None:
    chunked = make_record(
        "response", "http://a.example/", b"2\r\nhi\r\n0\r\n\r\n", http_headers=[("Transfer-Encoding", "chunked")]
    )
    (tmp_path / "a.warc.gz").write_bytes(gz([chunked]))
    assert ask("get", tmp_path / "a.warc.gz", "--offset", 0).stdout_bytes == b"hi"
    assert ask("get", tmp_path / "a.warc.gz", "--offset", 0, "--what", "payload").stdout_bytes.startswith(b"2\r\nhi")


def test_get_says_what_is_not_there(samples: Path) -> None:
    path = samples / "formats" / "members.warc.gz"
    with pytest.raises(CrawlmillError, match=r"@391: no record begins here; crawlmill inspect"):
        ask("get", path, "--offset", 391)
    with pytest.raises(CrawlmillError, match="no record holds what http"):
        ask("get", path, "--url", "http://none.example/")
    with pytest.raises(CrawlmillError, match="No such file"):
        ask("get", path.parent / "none", "--offset", 0)
    with pytest.raises(UsageError):
        ask("get", path)
    with pytest.raises(CrawlmillError, match="does not decode"):
        ask("get", samples / "damaged" / "bad-crc.warc.gz", "--offset", 2683, "--what", "block")


@pytest.mark.parametrize(
    "name", ["members.warc.gz", "plain.warc", "lf.warc", "misaligned.warc.gz", "version-0.18.warc.gz"]
)
def test_subset_keeps_records_as_they_are(samples: Path, tmp_path: Path, name: str) -> None:
    path, new = samples / "formats" / name, tmp_path / "new.warc.gz"
    assert ask("subset", path, "-o", new).stdout == f"22 records written to {new}\n"
    for what in ("type", "status", "mime", "date", "url"):
        assert [line[what] for line in lines("inspect", new)] == [line[what] for line in lines("inspect", path)]
    assert ask("verify", new).exit_code == 0
    if name in ("lf.warc", "misaligned.warc.gz"):  # warcio does not read those
        path = samples / "formats" / "members.warc.gz"
    assert contents(new) == contents(path)


def test_subset_chooses(samples: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.warc.gz"
    prefix = "https://www.example.com/"
    ask("subset", samples / CRAWL, "-o", new, "--types", "response,revisit", "--url", prefix)
    source = lines("inspect", samples / CRAWL, "--types", "response,revisit")
    assert [line["url"] for line in lines("inspect", new)] == [
        line["url"] for line in source if str(line["url"]).startswith(prefix)
    ]
    with pytest.raises(UsageError, match="--overwrite"):
        ask("subset", samples / CRAWL, "-o", new)
    ask("subset", samples / CRAWL, "-o", new, "--overwrite", "--limit", 2)
    assert len(contents(new)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["new.warc.gz"]


def test_subset_turns_arc_records_into_responses(samples: Path, tmp_path: Path) -> None:
    old, new = samples / "formats" / "v1.arc.gz", tmp_path / "new.warc.gz"
    result = ask("subset", old, "-o", new)
    assert "6 records, 6 of them from ARC" in result.stdout
    assert "left out: 1 ARC file headers" in result.stderr
    assert {kind for kind, *_ in contents(new)} == {"response"}
    for line in lines("inspect", old, "--types", "response"):
        arguments = ("--offset", line["offset"], "--ordinal", line["ordinal"], "--what", "block")
        assert (
            ask("get", old, *arguments).stdout_bytes
            == ask("get", new, "--url", line["url"], "--what", "block").stdout_bytes
        )
    again = tmp_path / "again.warc.gz"
    ask("subset", old, "-o", again)
    assert again.read_bytes() == new.read_bytes()


def test_subset_leaves_out_what_cannot_be_read(samples: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.warc.gz"
    result = ask("subset", samples / "damaged" / "bad-crc.warc.gz", "-o", new)
    assert "21 records" in result.stdout
    assert "@2683" in result.stderr
    assert ask("verify", new).exit_code == 0


def test_verify_finds_sound_what_is_sound(samples: Path) -> None:
    result = ask("verify", samples / CRAWL)
    assert result.stdout.startswith("270 records") and result.stdout.endswith("no damage\n")
    (found,) = [json.loads(ask("verify", samples / CRAWL, "--json").stdout)]
    assert found["records"] == 270 and found["damage"] == []
    assert found["bytes"] == sum(path.stat().st_size for path in samples.glob(CRAWL))


def test_verify_finds_every_damage(samples: Path) -> None:
    for path in sorted((samples / "damaged").iterdir()):
        result = CliRunner().invoke(app, ["verify", str(path)])
        assert isinstance(result.exception, DamageLimit), path.name
        assert result.exception.exit_code == 3
    with pytest.raises(DamageLimit, match="1 damage row"):
        ask("verify", samples / "none.warc.gz")


def test_plan_writes_a_manifest(samples: Path, tmp_path: Path) -> None:
    paths = sorted(samples.glob(CRAWL))
    manifest = ask("plan", *paths).stdout
    assert [json.loads(line)["uri"] for line in manifest.splitlines()] == [str(path.resolve()) for path in paths]
    (tmp_path / "manifest.jsonl").write_text(manifest)
    assert lines("inspect", tmp_path / "manifest.jsonl") == lines("inspect", *paths)


def test_analyses_lists_those_that_come_with_it() -> None:
    found = {str(line["name"]): line for line in lines("analyses")}
    assert found["origins"]["key"] == ["origin: string"]
    assert found["origins"]["types"] == ["response"]
    assert found["words"]["options"] == {"min_length": 1, "cjk": False}
    assert all(line["summary"] for line in found.values())
    assert len(ask("analyses").stdout.splitlines()) == len(found)


@pytest.mark.parametrize("command", ["analyses", "plan", "inspect", "get", "subset", "verify", "show", "plot"])
def test_every_help_has_an_example(command: str) -> None:
    assert "Example: crawlmill" in ask(command, "--help").stdout
