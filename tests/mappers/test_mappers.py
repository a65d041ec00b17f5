"""What each analysis yields of one record, and of which it yields nothing."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import crawlmill.mappers
from archives import Headers, gz, make_record
from crawlmill import Record, registry
from crawlmill.contract import Analysis
from crawlmill.errors import UsageError
from crawlmill.mappers.target_uri_lines import __doc__ as baseline_doc
from crawlmill.task import Job
from crawlmill.warc.walk import walk
from memory import Memory

HTML = (("Content-Type", "text/html"),)
JSON = (("Content-Type", "application/json"),)
PAGE = b"""<html><base href="http://b.example/x/"><a href="../y">1</a><a href=//C.example>2</a>
<area href="http://a.example/z"><link href="http://l.example/"><a href="mailto:a@a.example">3</a><a name=n>4</a>
<a href="http://c.example/#f">5</a><script>"<a href='http://s.example/'>"</script><!-- <a href="http://d.example/"> -->"""


def pairs(analysis: Analysis, archive: bytes, **options: str | int | bool) -> list[tuple[object, object]]:
    """What an analysis yields, as the engines would call it: only on the types that it wants."""
    found: list[tuple[object, object]] = []
    reading = Job((analysis,)).reading()
    for record in walk(Memory(archive), 0, None, reading):
        assert isinstance(record, Record), record
        if reading.wanted is None or record.type in reading.wanted:
            found += analysis.with_options(**options)(record) or ()
    return found


def named(name: str) -> Analysis:
    return registry.load([name])[0]


def page(url: str, body: bytes = b"", *, ip: str | None = None, http_headers: Headers = HTML, **more: object) -> bytes:
    headers = (("WARC-IP-Address", ip),) if ip is not None else ()
    return make_record("response", url, body, headers=headers, http_headers=http_headers, **more)  # type: ignore[arg-type]


def wat(
    url: str | None,
    *,
    source: str = "response",
    ip: str | None = None,
    headers: dict[str, object] | None = None,
    links: tuple[tuple[str, str], ...] = (),
    base: str | None = None,
) -> bytes:
    """A WAT record of one page."""
    warc = {"WARC-Type": source, "WARC-Target-URI": url, "WARC-IP-Address": ip}
    html = {"Links": [{"path": path, "url": to} for path, to in links], "Head": {"Base": base} if base else {}}
    envelope = {
        "WARC-Header-Metadata": {name: value for name, value in warc.items() if value is not None},
        "Payload-Metadata": {"HTTP-Response-Metadata": {"Headers": headers or {}, "HTML-Metadata": html}},
    }
    return make_record("metadata", url, json.dumps({"Envelope": envelope}).encode(), headers=JSON)


# ---- all of them


def test_the_listing() -> None:
    names = ["domains", "hosts", "ips", "languages", "links", "mime", "origins", "records", "servers", "sizes"]
    assert registry.builtin_names() == [*names, "status", "tags", "words"]
    modules = {module.name for module in pkgutil.iter_modules(crawlmill.mappers.__path__)}
    assert modules - set(registry.builtin_names()) == {"__main__", "target_uri_lines"}


@pytest.mark.parametrize("name", registry.builtin_names())
def test_a_summary_of_one_line_and_the_rows(name: str) -> None:
    analysis = named(name)
    doc = " ".join((analysis.function.__doc__ or "").split())
    assert analysis.summary.endswith(".") and len(analysis.summary) < 80
    assert f"Rows: ``{', '.join(analysis.columns)}``" in doc


@pytest.mark.parametrize("name", registry.builtin_names())
def test_no_analysis_fails_on_odd_records(name: str) -> None:
    for archive in (
        make_record("", None),
        make_record("warcinfo", None, b"software: x\r\n"),
        make_record("metadata", None, b"7", headers=JSON),
        make_record("metadata", "x", b'{"Envelope": []}', headers=JSON),
        make_record("metadata", "http://a.example/", b'{"Envelope": {"Payload-Metadata": 3}}', headers=JSON),
        wat(None),
        wat("http://[/", links=(("A@/href", "http://["),)),
        make_record("response", None, PAGE),
        make_record("response", "dns:a.example", b"\xff", http=None),
        page("http://[/", b'<base href="http://["><a href="http://[">'),
    ):
        pairs(named(name), archive)


@pytest.mark.parametrize("name", registry.builtin_names())
def test_metadata_that_is_no_json_is_not_loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body of a WARC's metadata record is touched by `languages` alone, which looks for the crawler's note in it."""
    loaded: list[Record] = []

    def load(record: Record) -> bytes:
        loaded.append(record)
        return b""

    monkeypatch.setattr(Record, "block", property(load))
    pairs(named(name), make_record("metadata", "http://a.example/", b"fetchTimeMs: 1\r\n" * 100))
    assert bool(loaded) == (name == "languages")


def test_a_mapper_is_a_program() -> None:
    archive = gz([page("http://b.example/"), page("http://a.example/"), page("http://b.example/")])
    command = [sys.executable, "-m", "crawlmill.mappers.hosts"]
    done = subprocess.run(command, input=archive, capture_output=True, check=True, timeout=60)
    rows = [line for line in done.stdout.splitlines() if not line.startswith(b'["!')]
    assert rows == [b'["hosts","a.example"]\t1', b'["hosts","b.example"]\t2']


# ---- from the URL


def test_origins_hosts_domains() -> None:
    archive = (
        page("HTTPS://u:p@WWW.Example.co.uk:443/a")
        + page("http://192.0.2.1:8080/")
        + make_record("response", "file:///etc/passwd", http=None)
        + make_record("response", "dns:a.example", http=None)
        + make_record("response", None)
        + make_record("request", "http://other.example/")
        + make_record("revisit", "http://other.example/")
    )
    assert pairs(named("origins"), archive) == [
        ("https://www.example.co.uk", 1),
        ("http://192.0.2.1:8080", 1),
        ("file://", 1),
    ]
    assert pairs(named("hosts"), archive) == [("www.example.co.uk", 1), ("192.0.2.1", 1)]
    assert pairs(named("domains"), archive) == [("example.co.uk", 1)]
    assert named("domains").depends == ("public-suffixes",)


# ---- from the HTTP header


def test_status_mime_sizes() -> None:
    identified = (("WARC-Identified-Payload-Type", "text/html"),)
    archive = (
        make_record("response", "http://a.example/", b"12345", http_headers=[("content-type", "Text/HTML;x")])
        + make_record("response", "http://a.example/", b"", http="2000 OK", http_headers=(), headers=identified)
        + make_record(
            "response", "http://a.example/", b"12", http="404 No", http_headers=[("Content-Type", "a/b, c/d")]
        )
        + make_record("response", "dns:a.example", b"127.0.0.1", http=None)
        + make_record("response", "http://a.example/", b"GET / HTTP/1.1\r\n\r\n", http=None)
    )
    assert pairs(named("status"), archive) == [("200", 1), ("invalid", 1), ("404", 1)]
    assert pairs(named("mime"), archive) == [(("text/html", None), 1), (("", "text/html"), 1), (("a/b", None), 1)]
    assert pairs(named("sizes"), archive) == [("text/html", 5), ("", 0), ("a/b", 2)]


def test_servers() -> None:
    def with_servers(*servers: str) -> bytes:
        return page("http://a.example/", http_headers=[(name, value) for value in servers for name in ("Server", "X")])

    archive = (
        with_servers()
        + with_servers("nginx")
        + with_servers("b", "a", "b")
        + make_record("response", "dns:a.example", b"Server: no", http=None)
        + make_record("metadata", "http://a.example/", b"Server: no")
        + wat("http://a.example/", headers={"server": "Caddy"})
        + wat("http://a.example/", headers={"Server": ["y", "x", "y"]})
        + wat("http://a.example/", headers={})
        + wat("http://a.example/", source="revisit", headers={"Server": "no"})
    )
    assert pairs(named("servers"), archive) == [(name, 1) for name in ("nginx", "a", "b", "Caddy", "x", "y")]


def test_ips() -> None:
    archive = (
        page("http://A.example:81/", ip="192.0.2.1")
        + page("http://a.example/", ip="0.0.0.0")
        + page("http://a.example/")
        + page("dns:a.example", ip="192.0.2.1")
        + make_record("request", "http://a.example/", headers=[("WARC-IP-Address", "192.0.2.9")])
        + make_record("metadata", "http://a.example/", headers=[("WARC-IP-Address", "192.0.2.9")])
        + wat("http://b.example/", ip="2001:db8::1")
        + wat("http://b.example/", ip="0.0.0.0")
        + wat("http://b.example/", source="request", ip="192.0.2.9")
    )
    assert pairs(named("ips"), archive) == [("a.example", "192.0.2.1"), ("b.example", "2001:db8::1")]


# ---- from the body


def test_tags() -> None:
    pytest.importorskip("resiliparse")
    body = b"<TITLE>x</TITLE><p>a<p>b<script>'<p>'</script><!-- <p> -->"
    chunked = (*HTML, ("Transfer-Encoding", "chunked"), ("Content-Encoding", "deflate"))
    packed = zlib.compress(body)
    wanted = [(name, 1) for name in ("body", "head", "html")] + [("p", 2), ("script", 1), ("title", 1)]
    for archive in (
        page("http://a.example/", body),
        page("http://a.example/", b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed), http_headers=chunked),
    ):
        assert sorted(pairs(named("tags"), archive)) == wanted
    assert pairs(named("tags"), page("http://a.example/", body, http_headers=[("Content-Type", "text/plain")])) == []


def test_links() -> None:
    pytest.importorskip("resiliparse")
    archive = page("http://a.example/p", PAGE)
    edges = [(("a.example", "b.example"), 1), (("a.example", "c.example"), 2)]
    itself = (("a.example", "a.example"), 1)
    assert pairs(named("links"), archive) == edges
    assert sorted(pairs(named("links"), archive, include_self=True)) == [itself, *edges]


def test_links_of_wat_need_no_parser() -> None:
    found = (
        ("A@/href", "../y"),
        ("A@/href", "//C.example"),
        ("AREA@/href", "http://a.example/z"),
        ("IMG@/src", "http://i.example/"),
        ("A@/href", "mailto:a@a.example"),
        ("A@/href", " http://c.exa\nmple/#f "),
        ("FORM@/action", "http://f.example/"),
    )
    edges = [(("a.example", "b.example"), 1), (("a.example", "c.example"), 2)]
    itself = (("a.example", "a.example"), 1)
    archive = wat("http://a.example/p", links=found, base="http://b.example/x/")
    archive += wat("http://a.example/p", source="request", links=found)
    assert named("links").depends == ("resiliparse?",)
    assert pairs(named("links"), archive) == edges
    assert sorted(pairs(named("links"), archive, include_self=True)) == [itself, *edges]
    relative = wat("http://a.example/p/", links=(("A@/href", "x"),), base="//d.example/")
    assert pairs(named("links"), relative) == [(("a.example", "d.example"), 1)]


def test_words() -> None:
    text = "Über den Wolken, über 東京都".encode()
    archive = make_record("conversion", "http://a.example/", text)
    archive += make_record("resource", "http://a.example/", text) + page(
        "http://a.example/", text, http_headers=[("Content-Type", "text/plain")]
    )
    words = named("words")
    assert pairs(words, archive) == [("über", (2, 1)), ("den", (1, 1)), ("wolken", (1, 1)), ("東京都", (1, 1))]
    assert [word for word, _ in pairs(words, archive, min_length=4)] == ["über", "wolken"]
    assert [word for word, _ in pairs(words, archive, cjk=True)] == ["über", "den", "wolken", "東京", "京都"]
    assert words.depends == ("unicode", "resiliparse?")


def test_words_of_a_page_are_those_that_a_reader_sees() -> None:
    pytest.importorskip("resiliparse")
    archive = page("http://a.example/", b"<body><p>one <b>two</b> one<script>no</script><!-- no -->")
    assert pairs(named("words"), archive) == [("one", (2, 1)), ("two", (1, 1))]


def test_languages_as_declared() -> None:
    noted = (
        b'languages-cld2: {"reliable":true,"languages":[{"code":"de","code-iso-639-3":"deu"},{"code-iso-639-3":"eng"}]}'
    )
    archive = (
        make_record("conversion", "http://a.example/", headers=[("WARC-Identified-Content-Language", "fra, eng,fra")])
        + make_record("conversion", "http://a.example/")
        + make_record("metadata", "http://a.example/", b"fetchTimeMs: 12\r\n" + noted + b"\r\n")
        + make_record("metadata", "http://a.example/", b"fetchTimeMs: 12\r\n")
        + wat("http://a.example/")
        + page("http://a.example/", noted)
    )
    assert pairs(named("languages"), archive) == [("fra", 1), ("eng", 1), ("deu", 1), ("eng", 1)]
    assert named("languages").depends == ("resiliparse?",)


def test_languages_as_detected() -> None:
    pytest.importorskip("resiliparse")
    german = "Der schnelle braune Fuchs springt über den faulen Hund und läuft in den tiefen Wald hinein. " * 3
    english = "The quick brown fox jumps over the lazy dog and then it runs into the deep dark forest. " * 3
    declared = (("WARC-Identified-Content-Language", "fra"),)
    archive = (
        make_record("conversion", "http://a.example/", german.encode(), headers=declared)
        + page("http://a.example/", f"<p>{english}</p>".encode())
        + page("http://a.example/", b"<p></p>")
        + page("http://a.example/", english.encode(), http_headers=[("Content-Type", "text/plain")])
        + make_record("metadata", "http://a.example/", english.encode())
    )
    assert pairs(named("languages"), archive, source="detect") == [("deu", 1), ("eng", 1)]


def test_languages_from_nowhere() -> None:
    with pytest.raises(UsageError, match="source is 'guess'"):
        pairs(named("languages"), page("http://a.example/"), source="guess")


# ---- records


def test_records() -> None:
    first = make_record(
        "response",
        "http://A.example/",
        b"12345",
        headers=[
            ("WARC-IP-Address", "192.0.2.1"),
            ("WARC-Identified-Payload-Type", "text/plain"),
            ("WARC-Block-Digest", "sha1:B"),
            ("WARC-Payload-Digest", "sha1:P"),
        ],
    )
    second = make_record(
        "conversion",
        None,
        b"text",
        headers=[("WARC-Block-Digest", "sha1:B"), ("WARC-Identified-Content-Language", "deu,eng")],
        date=None,
    )
    rows = pairs(named("records"), first + second + make_record("", None))
    names = named("records").columns
    a, b, c = [dict(zip(names, key + value, strict=True)) for key, value in rows]  # type: ignore[operator]
    assert a.pop("record_id").startswith("<urn:uuid:") and b.pop("record_id") and c.pop("record_id")
    assert a == {
        "uri": "memory.warc",
        "offset": 0,
        "ordinal": 0,
        "length": len(first) - 4,
        "type": "response",
        "url": "http://A.example/",
        "date": "2024-05-01T12:00:00Z",
        "status": "200",
        "mime": "text/html",
        "identified": "text/plain",
        "payload_length": 5,
        "digest": "sha1:P",
        "host": "a.example",
        "ip": "192.0.2.1",
        "languages": None,
    }
    nothing = dict.fromkeys(["url", "date", "status", "mime", "identified", "host", "ip"])
    assert b == {
        **nothing,
        "uri": "memory.warc",
        "offset": len(first),
        "ordinal": 0,
        "length": len(second) - 4,
        "type": "conversion",
        "payload_length": 4,
        "digest": "sha1:B",
        "languages": "deu,eng",
    }
    assert (c["type"], c["offset"], c["payload_length"], c["digest"]) == ("", len(first + second), 0, None)


def test_records_loads_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(record: Record) -> bytes:
        raise AssertionError("a body was loaded")

    for name in ("block", "payload"):
        monkeypatch.setattr(Record, name, property(load))
    archive = gz(
        [page("http://a.example/", b"x" * 100_000), wat("http://a.example/"), make_record("metadata", None, b"x")]
    )
    assert len(pairs(named("records"), archive)) == 3


# ---- the baseline


def test_the_textbook_mapper_is_wrong(samples: Path) -> None:
    """It counts every record with a URL, and lines of bodies; the right answer is that of `origins`."""
    answers = json.loads((samples / "answers.json").read_text("utf-8"))
    lines = b""
    for file in sorted(samples.glob("*.warc.gz")):
        text = subprocess.run(["gzip", "-dc", file], capture_output=True, check=True).stdout
        program = [sys.executable, "-m", "crawlmill.mappers.target_uri_lines"]
        lines += subprocess.run(program, input=text, capture_output=True, check=True, timeout=60).stdout
    keys = [line.split(b"\t") for line in lines.splitlines()]
    assert all(count == b"1" for _, count in keys)
    found = {key.decode("latin-1") for key, _ in keys}
    right = answers["crawl"]["origins"]
    assert len(keys) > 3 * sum(right.values())
    assert any("fake.example" in key for key in found) and not any("fake.example" in key for key in right)
    assert {"HTTP://Example.COM", "<http://museum.example"} <= found - set(right)  # sites in other spellings
    assert "972" in (baseline_doc or "") and "357" in (baseline_doc or "")


def test_the_textbook_mapper_line_by_line() -> None:
    text = (
        b"WARC-Target-URI: http://U:p@A.example:80/x\r\nWARC-Target-URI: <http://a.example>\r\n"
        b" WARC-Target-URI: http://no.example/\nWARC-Target-URI: dns:a.example\nWARC-Target-URI: http://\xff.example\n"
    )
    program = [sys.executable, "-m", "crawlmill.mappers.target_uri_lines"]
    done = subprocess.run(program, input=text, capture_output=True, check=True, timeout=60)
    assert done.stdout == b"http://U:p@A.example:80\t1\n<http://a.example>\t1\nhttp://\xff.example\t1\n"
