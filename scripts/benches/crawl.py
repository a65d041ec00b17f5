"""A synthetic crawl for benchmarks: pages of random words, a record a member, as crawls have them."""

from __future__ import annotations

import random
import zlib
from pathlib import Path


def make_crawl(path: Path, mib: int) -> None:
    """A synthetic crawl of about that many MiB, the same for the same size."""
    rng = random.Random(2026)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 11))) for _ in range(20_000)]
    hosts = [f"www.{word}.example" for word in words[:3000]]
    with open(path, "wb") as out:
        number = 0
        while out.tell() < mib << 20:
            number += 1
            url = f"https://{hosts[int(rng.paretovariate(0.7)) % len(hosts)]}/{number}"
            text = " ".join(f"<p>{' '.join(rng.choices(words, k=40))}</p>" for _ in range(rng.randint(20, 150)))
            page = f"<html><head><title>{number}</title></head><body><a href='{url}/next'>next</a>{text}</body></html>".encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nServer: nginx\r\nContent-Length: {len(page)}\r\n\r\n"
            request = f"GET /{number} HTTP/1.1\r\nHost: {url.split('/')[2]}\r\nUser-Agent: bench\r\n\r\n".encode()
            for kind, block in (
                ("request", request),
                ("response", head.encode() + page),
                ("metadata", b"fetchTimeMs: 42\r\n"),
            ):
                content = "application/http; msgtype=" + kind if kind != "metadata" else "application/warc-fields"
                record = (
                    f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2026-01-05T10:00:00Z\r\nWARC-Record-ID: "
                    f"<urn:uuid:00000000-0000-4000-8000-{number:08d}{kind[:4].encode().hex()[:4]}>\r\n"
                    f"Content-Length: {len(block)}\r\nContent-Type: {content}\r\nWARC-Target-URI: {url}\r\n"
                    f"WARC-IP-Address: 192.0.2.{number % 250}\r\n\r\n"
                ).encode()
                pack = zlib.compressobj(6, zlib.DEFLATED, 31)
                out.write(pack.compress(record + block + b"\r\n\r\n") + pack.flush())
