"""Pages per origin as people write it with warcio: a mapper over a manifest, merged in memory before it is written."""

from __future__ import annotations

import sys
from collections import Counter
from urllib.parse import urlsplit

from warcio.archiveiterator import ArchiveIterator

counts: Counter[str] = Counter()
for line in sys.stdin:
    with open(line.rpartition("\t")[2].strip(), "rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                parts = urlsplit(record.rec_headers.get_header("WARC-Target-URI"))
                counts[f"{parts.scheme}://{parts.netloc}"] += 1
for origin, pages in counts.items():
    print(origin, pages, sep="\t")
