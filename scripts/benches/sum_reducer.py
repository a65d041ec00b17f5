"""The textbook's reducer: adds up neighbours with one key."""

from __future__ import annotations

import sys

last, count = None, 0
for line in sys.stdin.buffer:
    key, _, value = line.rpartition(b"\t")
    if key != last:
        if last is not None:
            sys.stdout.buffer.write(b"%b\t%d\n" % (last, count))
        last, count = key, 0
    count += int(value)
if last is not None:
    sys.stdout.buffer.write(b"%b\t%d\n" % (last, count))
