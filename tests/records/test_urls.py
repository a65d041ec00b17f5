"""URLs: what an origin, a host and a registered domain are, and that a remembered answer is the same answer."""

from __future__ import annotations

import json
import random
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlmill.records import suffixes, urls

RECORDS = Path(urls.__file__).parent


@pytest.mark.parametrize(
    "url, origin, host",
    [
        # the plain ones
        ("http://www.example.com/a", "http://www.example.com", "www.example.com"),
        ("HTTP://WWW.Example.COM", "http://www.example.com", "www.example.com"),
        ("https://a_b.example?x=/y", "https://a_b.example", "a_b.example"),
        ("http://a.example#x/y", "http://a.example", "a.example"),
        ("http://x/", "http://x", "x"),
        ("ftp://a/b/c", "ftp://a", "a"),
        ("gopher://a.example/x", "gopher://a.example", "a.example"),
        ("chrome-extension://react-perf/x", "chrome-extension://react-perf", "react-perf"),
        ("http://a.example./x", "http://a.example.", "a.example."),
        # a backslash ends the authority
        ("http://a.example\\@b.example/", "http://a.example", "a.example"),
        # user information
        ("http://test@example.com/", "http://example.com", "example.com"),
        ("http://u:p@w@example.com:81/@/", "http://example.com:81", "example.com"),
        # ports: default, empty, leading zeros, other, absurd
        ("http://a.example:80/", "http://a.example", "a.example"),
        ("https://a.example:443", "https://a.example", "a.example"),
        ("https://a.example:80/", "https://a.example:80", "a.example"),
        ("ftp://a.example:21/", "ftp://a.example", "a.example"),
        ("ws://a.example:80/", "ws://a.example", "a.example"),
        ("wss://a.example:443/", "wss://a.example", "a.example"),
        ("gopher://a.example:70/", "gopher://a.example", "a.example"),
        ("ttp://a.example:80/", "ttp://a.example:80", "a.example"),
        ("http://a.example:/", "http://a.example", "a.example"),
        ("http://a.example:0080/", "http://a.example", "a.example"),
        ("http://a.example:08080/", "http://a.example:8080", "a.example"),
        ("http://a.example:00/", "http://a.example:0", "a.example"),
        ("http://a.example:99999/", "http://a.example:99999", "a.example"),
        ("http://a.example:port/", "http://a.example:port", "a.example:port"),
        ("http://a:80:80/", "http://a:80:80", "a:80:80"),
        # addresses
        ("http://192.0.2.1:8080/", "http://192.0.2.1:8080", "192.0.2.1"),
        ("http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]", "[2001:db8::1]"),
        ("http://[::FFFF:192.0.2.1]:80/", "http://[::ffff:c000:201]", "[::ffff:c000:201]"),
        ("http://[0:0:0:0:0:0:0:0]/", "http://[::]", "[::]"),
        ("http://[1:0:2:0:0:3:0:0]/", "http://[1:0:2::3:0:0]", "[1:0:2::3:0:0]"),
        ("http://[fe80::1%25Eth0]:81/", "http://[fe80::1%25eth0]:81", "[fe80::1%25eth0]"),
        ("http://[Not:An:Address]/", "http://[not:an:address]", "[not:an:address]"),
        ("http://[::1/", "http://[::1", "[::1"),
        # international names: RFC 3490, a label at a time
        ("http://Bücher.example/", "http://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://XN--BCHER-KVA.example/", "http://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah", "xn--r8jz45g.xn--zckzah"),
        ("http://WWW．ＥＸＡＭＰＬＥ．com/", "http://www.example.com", "www.example.com"),
        ("http://Ü b.ü.example/", "http://ü b.xn--tda.example", "ü b.xn--tda.example"),
        ("http://a℀b.example/", "http://a℀b.example", "a℀b.example"),
        (f"http://{'Ü' * 64}.example/", f"http://{'ü' * 64}.example", f"{'ü' * 64}.example"),
        # odd hosts stay, in lower case
        ("http://A b.example/", "http://a b.example", "a b.example"),
        ("http://%41.example/", "http://%41.example", "%41.example"),
        ("http://a\x01.example/", "http://a\x01.example", "a\x01.example"),
        # no authority
        ("dns:www.example.com", None, None),
        ("urn:uuid:b3a9/x", None, None),
        ("urn:x//a.example/", None, None),
        ("about:blank", None, None),
        ("//a.example/", None, None),
        ("1http://a.example/", None, None),
        ("http:/a.example/", None, None),
        ("", None, None),
        # an authority without a host
        ("file:///etc/passwd", "file://", None),
        ("http://", "http://", None),
        ("http://:80/", "http://", None),
        ("http://:81/", "http://", None),
        ("http://user@/", "http://", None),
    ],
)
def test_origin_and_host(url: str, origin: str | None, host: str | None) -> None:
    for _ in range(2):  # the second answer is the remembered one
        assert (urls.origin(url), urls.host(url)) == (origin, host)


@pytest.mark.parametrize(
    "text, url",
    [
        ("http://a.example/", "http://a.example/"),
        ("\t<http://a.example/>\r\n", "http://a.example/"),
        ("< http://a.example/ >", "http://a.example/"),
        ("<<http://a.example/>>", "<http://a.example/>"),
        ("<http://a.example/", "<http://a.example/"),
        ("<", "<"),
        ("<>", ""),
    ],
)
def test_clean_url(text: str, url: str) -> None:
    assert urls.clean_url(text) == url


def test_a_cut_scheme_is_never_taken_for_a_site() -> None:
    assert urls.origin("gopher:") is None and urls.origin("gopher:/") is None
    assert urls.origin("gopher://a.example/") == "gopher://a.example"
    assert urls.origin("gopher:") is None and urls.origin("gopher:/") is None


@pytest.mark.parametrize(
    "host, domain",
    [
        # the cases of the list's own tests
        ("COM", None),
        ("example.COM", "example.com"),
        ("WwW.example.COM", "example.com"),
        (".com", None),
        (".example.com", None),
        ("a..example.com", None),
        ("example", None),
        ("example.example", "example.example"),
        ("a.b.example.example", "example.example"),
        ("biz", None),
        ("domain.biz", "domain.biz"),
        ("a.b.domain.biz", "domain.biz"),
        ("uk.com", None),
        ("example.uk.com", "example.uk.com"),
        ("a.b.example.uk.com", "example.uk.com"),
        ("mm", None),
        ("c.mm", None),
        ("b.c.mm", "b.c.mm"),
        ("a.b.c.mm", "b.c.mm"),
        ("jp", None),
        ("test.jp", "test.jp"),
        ("ac.jp", None),
        ("www.test.ac.jp", "test.ac.jp"),
        ("kyoto.jp", None),
        ("ide.kyoto.jp", None),
        ("a.b.ide.kyoto.jp", "b.ide.kyoto.jp"),
        ("c.kobe.jp", None),
        ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("www.city.kobe.jp", "city.kobe.jp"),
        ("ck", None),
        ("test.ck", None),
        ("a.b.test.ck", "b.test.ck"),
        ("www.ck", "www.ck"),
        ("www.www.ck", "www.ck"),
        ("k12.ak.us", None),
        ("www.test.k12.ak.us", "test.k12.ak.us"),
        ("食狮.com.cn", "xn--85x722f.com.cn"),
        ("www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("公司.cn", None),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("xn--55qx5d.cn", None),
        ("食狮.中国", "xn--85x722f.xn--fiqs8s"),
        ("shishi.xn--fiqs8s", "shishi.xn--fiqs8s"),
        ("中国", None),
        # a wildcard does not cover its own parent
        ("kobe.jp", "kobe.jp"),
        ("compute.amazonaws.com", "amazonaws.com"),
        # the private part of the list
        ("blogspot.com", None),
        ("b.a.blogspot.com", "a.blogspot.com"),
        ("github.io", None),
        ("a.me.github.io", "me.github.io"),
        ("x.eu-west-2.compute.amazonaws.com", "x.eu-west-2.compute.amazonaws.com"),
        # one dot at the end is no label
        ("www.example.co.uk.", "example.co.uk"),
        ("com.", None),
        (".", None),
        ("example.com..", None),
        ("", None),
        # no names
        ("localhost", None),
        ("192.0.2.1", None),
        ("192.0.2.1.", None),
        ("1.2.3.400", None),
        ("0x7f.0x1", None),
        ("[2001:db8::1]", None),
        ("１９２.0.2.1", None),
        ("www.example.com:port", None),
        ("a.[b.com", None),
        # odd, but with a domain
        ("a b_c.example.com", "example.com"),
        ("1.2.3.4.example.com", "example.com"),
    ],
)
def test_registered_domain(host: str, domain: str | None) -> None:
    for _ in range(2):
        assert urls.registered_domain(host) == domain


@pytest.mark.parametrize(
    "host, suffix",
    [
        ("www.example.co.uk", "co.uk"),
        ("co.uk", "co.uk"),
        ("a.b.unknown", "unknown"),
        ("localhost", "localhost"),
        ("a.b.ck", "b.ck"),
        ("www.ck", "ck"),
        ("x.公司.cn", "xn--55qx5d.cn"),
        ("192.0.2.1", None),
        ("[::1]", None),
        ("", None),
    ],
)
def test_public_suffix(host: str, suffix: str | None) -> None:
    assert urls.public_suffix(host) == suffix


def test_reverse_host() -> None:
    assert urls.reverse_host("www.example.com.") == urls.reverse_host("www.example.com") == "com.example.www"
    assert [urls.reverse_host(name) for name in ("a", "192.0.2.1", "[::1]")] == ["a", "192.0.2.1", "[::1]"]


# ---- laws

AUTHORITIES = st.text(st.sampled_from("aB1.-_:@[]%\\?#/ 0é。Ａß℀\u0130\u212a\ud800\n") | st.characters(), max_size=30)
URLS = st.one_of(
    st.text(max_size=40),
    st.tuples(
        st.sampled_from(["http", "HTTPS", "ftp", "gopher", "x-y+z", ""]),
        st.sampled_from(["://", ":/", ":"]),
        AUTHORITIES,
        st.sampled_from(["", "/", "/a/b", "?x", ":80", ":443/", "\\"]),
    ).map("".join),
)


def forget() -> None:
    urls._sites.clear()
    urls._domains.clear()


@settings(max_examples=500, deadline=None)
@given(URLS)
def test_origin_is_a_fixed_point_and_has_the_same_host(url: str) -> None:
    origin, host = urls.origin(url), urls.host(url)
    assert host is None if origin is None else origin.endswith("://") == (host is None)
    if origin is not None:
        assert origin.encode("utf-8") and host != ""
        assert urls.origin(origin) == urls.origin(origin + "/x?y") == origin
        assert urls.host(origin) == host


@settings(max_examples=300, deadline=None)
@given(st.lists(URLS, max_size=8))
def test_a_remembered_answer_is_the_same(many: list[str]) -> None:
    def answers(url: str) -> tuple[str | None, str | None, str | None]:
        host = urls.host(url)
        return urls.origin(url), host, urls.registered_domain(host) if host else None

    expected = []
    for url in many:
        forget()
        expected.append(answers(url))
    forget()
    for _ in range(2):
        assert [answers(url) for url in many] == expected


@settings(max_examples=500, deadline=None)
@given(AUTHORITIES)
def test_a_registered_domain_is_a_fixed_point_of_one_label_and_the_suffix(host: str) -> None:
    domain, suffix = urls.registered_domain(host), urls.public_suffix(host)
    urls.reverse_host(host)
    if domain is not None:
        assert suffix is not None and domain.endswith("." + suffix)
        assert domain.count(".") == suffix.count(".") + 1
        assert urls.registered_domain(domain) == urls.registered_domain("www." + domain) == domain
        assert domain.encode("utf-8")


def test_the_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_LIMIT", 10)
    forget()
    for i in range(25):
        assert urls.registered_domain(urls.host(f"http://www.a{i}.example/") or "") == f"a{i}.example"
        assert len(urls._sites) <= 10 and len(urls._domains) <= 10
    forget()
    long = "a" * 400
    assert urls.origin(f"http://{long}/") == f"http://{long}" and urls.registered_domain(f"{long}.com") == f"{long}.com"
    assert not urls._sites and not urls._domains


@pytest.mark.parametrize("part", ["ü.", "ü", ".", "a.", "[", "::1", "@", ":0"])
def test_absurd_hosts_take_no_time(part: str) -> None:
    host = part * 200_000
    urls.origin(f"http://{host}/")
    urls.registered_domain(host)


# ---- against others


def test_suffixes_agree_with_publicsuffixlist() -> None:
    package = pytest.importorskip("publicsuffixlist", reason="publicsuffixlist is not installed")
    data = (RECORDS / "public_suffix_list.dat").read_text("ascii")
    rules = [line for line in data.splitlines() if not line.startswith("//")]
    other = package.PublicSuffixList(rules)  # of the same rules, whatever list it brings
    wildcard_parents = {rule[2:] for rule in rules if rule.startswith("*.")}  # suffixes to it: see suffix_start
    random.seed(7)
    special = [rule for rule in rules if rule[0] in "*!" or "xn--" in rule]
    compared = 0
    for rule in random.sample(rules, 4000) + special:
        name = rule.lstrip("!*.")
        for host in (name, f"a.{name}", f"b.a.{name}", f"c.b.a.{name}", f"{name}.unlisted", name.partition(".")[2]):
            if host and host not in wildcard_parents:
                assert urls.registered_domain(host) == other.privatesuffix(host), host
                assert urls.public_suffix(host) == other.publicsuffix(host), host
                compared += 1
    assert compared > 10_000


def test_origins_of_the_corpus(corpus: Path) -> None:
    """The truth keeps user information and default ports; ours does not."""
    default = {"http": "80", "https": "443"}
    seen = 0
    for file in sorted(corpus.glob("**/*.truth.json")):
        for written in json.loads(file.read_text("utf-8")).get("pages_per_origin") or {}:
            scheme, authority = written.split("://", 1)
            authority = re.sub(rf":({default.get(scheme, '')})?$", "", authority.rpartition("@")[2])
            assert urls.origin(f"{written}/x") == f"{scheme}://{authority}", (file.name, written)
            seen += 1
    assert seen > 100


# ---- the snapshot


def test_importing_loads_no_rules() -> None:
    code = (
        "import sys; before = set(sys.modules);"  # an editable install's finder loads some itself
        "from crawlmill.records import suffixes, urls; urls.origin('http://a.example/');"
        "assert suffixes.suffix_version(); assert not suffixes._rules.cache_info().currsize;"
        "assert not {'ipaddress', 'encodings.idna', 'publicsuffixlist'} & (set(sys.modules) - before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_rules_load_from_inside_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "node.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for package in ("crawlmill", "crawlmill/records"):
            archive.writestr(f"{package}/__init__.py", "")
        for name in ("urls.py", "suffixes.py", "public_suffix_list.dat"):
            archive.write(RECORDS / name, f"crawlmill/records/{name}")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'node.zip')!r}); from crawlmill.records import suffixes, urls;"
        "print(urls.__file__, suffixes.suffix_version(), urls.registered_domain('www.example.co.uk'))"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], check=True, capture_output=True, text=True)
    file, version, domain = done.stdout.split()
    assert "node.zip" in file and (version, domain) == (suffixes.suffix_version(), "example.co.uk")


def test_the_snapshot_is_what_the_script_makes(root: Path) -> None:
    package = pytest.importorskip("publicsuffixlist", reason="publicsuffixlist is not installed")
    script = runpy.run_path(str(root / "scripts" / "update_suffixes"))
    committed = script["TARGET"].read_text("ascii")
    if f"publicsuffixlist {package.__version__} " not in committed:
        pytest.skip(f"the snapshot is not of publicsuffixlist {package.__version__}: run scripts/update_suffixes")
    assert script["snapshot"](*script["installed"]()) == committed
    assert "Mozilla Public" in committed and "https://mozilla.org/MPL/2.0/" in committed


def test_the_script_refuses_what_the_reader_would_misread(root: Path) -> None:
    snapshot = runpy.run_path(str(root / "scripts" / "update_suffixes"))["snapshot"]

    def listing(*rules: str) -> str:
        many = "\n".join([*(f"r{i}.example" for i in range(5000)), *rules])
        sections = [f"// ==={mark} {name} DOMAINS===" for name in ("ICANN", "PRIVATE") for mark in ("BEGIN", "END")]
        return "\n".join(["// VERSION: 2026-01-01_00-00-00_UTC", sections[0], many, *sections[1:], ""])

    assert "\nxn--55qx5d.cn\n" in snapshot(listing("公司.cn  // a remark"), "a test")
    for rules in (["a.*.example"], ["*.*.example"], ["*a.example"], ["!www.ck", "x.www.ck"]):
        with pytest.raises(ValueError, match=r"wildcard|exception"):
            snapshot(listing(*rules), "a test")
    with pytest.raises(ValueError, match="VERSION"):
        snapshot("com\n", "a test")
    with pytest.raises(ValueError, match="whole"):
        snapshot("// VERSION: x\ncom\n", "a test")
