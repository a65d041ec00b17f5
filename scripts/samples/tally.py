"""The known answers, added up record by record from what was declared, never by reading the archive."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from samples.expand import Raw, languages_of
from samples.markup import Html
from samples.model import Page


@dataclass
class Tally:
    """Answers for some records; README.md of data_samples says what each means."""

    types: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    mime: Counter[str] = field(default_factory=Counter)
    mime_identified: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    servers: Counter[str] = field(default_factory=Counter)
    servers_absent: int = 0
    payload_bytes: int = 0
    payload_bytes_by_mime: Counter[str] = field(default_factory=Counter)
    responses_not_http: int = 0
    html_responses: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    ips: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    languages: Counter[str] = field(default_factory=Counter)

    def add(self, raw: Raw, type: str | None = None) -> None:
        """Counts one record, under another `type` when its file calls it so (ARC)."""
        self.types[type or raw.type] += 1
        if raw.type != "response":
            return
        self.payload_bytes += len(raw.payload)
        page = raw.entry
        if not isinstance(page, Page):
            self.responses_not_http += 1
            return
        site = page.site
        self.origins[site.origin] += 1
        self.hosts[site.host] += 1
        if site.domain:
            self.domains[site.domain] += 1
        self.ips[site.host].add(dict(raw.headers)["WARC-IP-Address"])
        self.status[page.status] += 1
        self.mime[page.mime] += 1
        self.mime_identified[page.mime, page.identified] += 1
        self.payload_bytes_by_mime[page.mime] += len(raw.payload)
        servers = [*site.servers, *(value for name, value in page.headers if name == "Server")]
        self.servers.update(servers)
        self.servers_absent += not servers
        self.languages.update(languages_of(raw))
        if isinstance(page.body, Html):
            self.html_responses += 1
            self.tags.update(page.body.tags)
            self.links.update(f"{site.host} {target}" for target in page.body.targets)

    def to_json(self) -> dict[str, Any]:
        """Answers as they stand in answers.json."""
        pairs = sorted((mime, identified or "", count) for (mime, identified), count in self.mime_identified.items())
        return {
            "records": sum(self.types.values()),
            "records_by_type": dict(self.types),
            "origins": dict(self.origins),
            "hosts": dict(self.hosts),
            "domains": dict(self.domains),
            "status": dict(self.status),
            "mime": dict(self.mime),
            "mime_identified": [[mime, identified or None, count] for mime, identified, count in pairs],
            "servers": dict(self.servers),
            "servers_absent": self.servers_absent,
            "payload_bytes": self.payload_bytes,
            "payload_bytes_by_mime": dict(self.payload_bytes_by_mime),
            "responses_not_http": self.responses_not_http,
            "html_responses": self.html_responses,
            "tags": dict(self.tags),
            "links": dict(self.links),
            "ips": {host: sorted(addresses) for host, addresses in self.ips.items()},
            "languages": dict(self.languages),
        }
