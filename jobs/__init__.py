"""mrjob jobs: the same analyses on the runners of mrjob, and jobs of several steps.

Importing this package lets mrjob 0.7.4 be imported on Python 3.12 and later, which lack two standard modules that it names:
``pipes`` (Yelp/mrjob#2224) and ``distutils`` (Yelp/mrjob#2222). It uses three functions of them.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shlex
import shutil
import sys
from types import ModuleType
from typing import Any


@functools.total_ordering
class LooseVersion:
    """A version as distutils compared it: numbers by value, the rest as text.

    >>> LooseVersion("3.10.1") > LooseVersion("3.9"), LooseVersion("2.0") == LooseVersion("2.0")
    (True, True)
    """

    def __init__(self, text: str) -> None:
        parts = re.split(r"(\d+|[a-z]+|\.)", text)
        self.version = [int(part) if part.isdigit() else part for part in parts if part and part != "."]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LooseVersion) and self.version == other.version

    def __lt__(self, other: LooseVersion) -> bool:
        return self.version < other.version

    def __hash__(self) -> int:
        return hash(tuple(self.version))


def _provide(name: str, **names: Any) -> None:
    """Put a module into place, unless Python has a real one."""
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        return
    module = ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module


_provide("pipes", quote=shlex.quote)
if sys.version_info >= (3, 12):
    _provide("distutils", __path__=[])
    _provide("distutils.spawn", find_executable=shutil.which)
    _provide("distutils.version", LooseVersion=LooseVersion)
