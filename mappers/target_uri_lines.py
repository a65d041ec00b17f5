"""The textbook's mapper, kept to show by how much it is wrong: it counts ``WARC-Target-URI`` lines of decompressed text.

It reads plain WARC text on standard input and prints ``scheme://host TAB 1`` for each line that looks like a target URI.
Every record of a page carries that line, so a page counts about three times (request, response, metadata); lines of bodies
count as well; brackets, user names, ports and upper case split one site into several. On ten real files it gave 972
"pages" where there were 357. It is no analysis: use ``origins``.
"""

from __future__ import annotations

import re
import sys

_LINE = re.compile(rb"WARC-Target-URI: *(\S+?://[^/\s]*)")


def main() -> None:
    """Lines in, pairs out."""
    if sys.stdout.isatty():
        from crawlmill.terminal import guard  # not above: this file alone travels to nodes without crawlmill

        guard()
    for line in sys.stdin.buffer:
        found = _LINE.match(line)
        if found:
            sys.stdout.buffer.write(found[1] + b"\t1\n")


if __name__ == "__main__":
    main()
