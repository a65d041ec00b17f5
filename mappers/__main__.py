"""``python -m crawlmill.mappers origins servers``: several analyses in one pass, as a Hadoop Streaming mapper."""

from __future__ import annotations

from crawlmill.streaming import mapper_main

if __name__ == "__main__":
    mapper_main()
