"""The sites of the sample crawl: names and addresses for documentation (RFC 2606, 5737, 3849), and example.co.uk."""

from __future__ import annotations

from dataclasses import replace

from samples.model import Site


def site(prefix: str, domain: str, ips: str, *servers: str, http2: bool = False) -> Site:
    """A site whose URLs need no normalisation: its prefix is its origin."""
    host, _, port = prefix.partition("://")[2].partition(":")
    surt = ",".join(reversed(host.removeprefix("www.").split("."))) + (f":{port}" if port else "")
    return Site(prefix, prefix, host, domain, surt, tuple(ips.split()), servers, http2)


WWW = site("https://www.example.com", "example.com", "192.0.2.10 192.0.2.11", "nginx", http2=True)
PLAIN = site("http://example.com", "example.com", "192.0.2.12", "Apache/2.4.62 (Debian)")
ORG = site("https://example.org", "example.org", "192.0.2.13")
NEWS = site("https://news.example.org", "example.org", "192.0.2.13", "cloudflare", http2=True)
BLOG = site("https://blog.example.co.uk", "example.co.uk", "198.51.100.20", "Apache")
SHOP = site("https://shop.example.co.uk", "example.co.uk", "198.51.100.21", "Microsoft-IIS/10.0")
ZEITUNG = site("https://www.zeitung.example", "zeitung.example", "198.51.100.30", "nginx")
JOURNAL = site("https://journal.example", "journal.example", "198.51.100.31", "Apache")
DIARIO = site("https://noticias.diario.example", "diario.example", "198.51.100.32", "LiteSpeed")
NOVOSTI = site("http://novosti.example", "novosti.example", "198.51.100.33", "nginx/1.26.2")
SHINBUN = site("https://shinbun.example", "shinbun.example", "198.51.100.34", "Apache", http2=True)
XINWEN = site("https://xinwen.example", "xinwen.example", "198.51.100.35 198.51.100.36", "Tengine")
AKHBAR = site("https://akhbar.example", "akhbar.example", "198.51.100.37", "nginx")
GREEK = site("https://xn--hxajbheg2az3al.example", "xn--hxajbheg2az3al.example", "198.51.100.38", "nginx")
BOOKS = site("http://xn--bcher-kva.example", "xn--bcher-kva.example", "198.51.100.39", "Apache")
PORT = site("http://example.net:8080", "example.net", "203.0.113.5", "Jetty(12.0.14)")
ARCHIVE = site("https://archive.example", "archive.example", "203.0.113.6", "nginx")
CDN = site("https://cdn.example.net", "example.net", "203.0.113.7", "AmazonS3")
MUSEUM = site("http://museum.example", "museum.example", "203.0.113.8", "Apache/1.3.42 (Unix)")

# The same sites as others type them: a reader must see no difference.
BOOKS_RAW = replace(BOOKS, prefix="http://bücher.example")
BOOKS_CAPITALS = replace(BOOKS, prefix="http://BÜCHER.example")
GREEK_RAW = replace(GREEK, prefix="https://παράδειγμα.example")
CAPITALS = replace(PLAIN, prefix="HTTP://Example.COM")
PORT_80 = replace(PLAIN, prefix="http://example.com:80")
PORT_443 = replace(ORG, prefix="https://example.org:443")
USER = replace(PLAIN, prefix="http://reader:secret@example.com")

# Hosts that are no names.
SIX, FOUR = "[2001:db8::1]", "192.0.2.7"
IPV6 = Site(f"http://{SIX}", f"http://{SIX}", SIX, None, SIX, ("2001:db8::1",), ("Caddy",))
IPV4 = Site(f"http://{FOUR}", f"http://{FOUR}", FOUR, None, "7,2,0,192", (FOUR,), ("lighttpd/1.4.76",))
