"""``python -m crawlmill.reducers``: merge the lines of any mappers, each name by its own merge."""

from __future__ import annotations

from crawlmill.streaming import reducer_main

if __name__ == "__main__":
    reducer_main()
