"""``python -m crawlmill``: the same as the command."""

from __future__ import annotations

from crawlmill.cli import main

if __name__ == "__main__":
    main()
