"""The errors that reach a user, each one line: what happened, where, and what to do next."""

from __future__ import annotations

from crawlmill.terminal import escaped


class CrawlmillError(Exception):
    """A run that cannot go on (exit code 1).

    Args:
        what: what happened, without a full stop.
        where: the URI, with ``@offset`` in bytes where there is one.
        hint: what to do next.

    >>> print(CrawlmillError("no such file", where="/crawl/a.warc.gz", hint="check the path"))
    /crawl/a.warc.gz: no such file; check the path
    """

    exit_code = 1

    def __init__(self, what: str, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        line = self.what if self.where is None else f"{self.where}: {self.what}"
        return escaped(line if self.hint is None else f"{line}; {self.hint}")


class UsageError(CrawlmillError):
    """The command or the call was wrong (exit code 2)."""

    exit_code = 2


class DamageLimit(CrawlmillError):
    """More damage than the run allows, or no record in the whole run (exit code 3).

    Attributes:
        run: the finished run (:class:`crawlmill.finished.Run`), whose tables are there all the same; None when it was ended
            at its first damage.
    """

    exit_code = 3

    def __init__(self, what: str, where: str | None = None, hint: str | None = None, run: object = None) -> None:
        super().__init__(what, where, hint)
        self.run = run

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.where, self.hint)


class MissingPackage(CrawlmillError):
    """A package that an analysis of the user's own needs is not installed.

    >>> print(MissingPackage("tldextract", "sites"))
    sites: the package tldextract is needed here and not installed; pip install tldextract
    """

    def __init__(self, package: str, where: str | None = None) -> None:
        super().__init__(f"the package {package} is needed here and not installed", where, f"pip install {package}")
        self.package = package

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.where)


class MissingExtra(CrawlmillError):
    """A package that this input or analysis needs is not installed.

    >>> print(MissingExtra("zstandard", "codecs"))
    the package zstandard is needed here and not installed; pip install 'crawlmill[codecs]'
    """

    def __init__(self, package: str, extra: str, where: str | None = None) -> None:
        super().__init__(
            f"the package {package} is needed here and not installed", where, f"pip install 'crawlmill[{extra}]'"
        )
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra, self.where)


class ReadFailed(CrawlmillError):
    """An archive cannot be opened or read any further. ``error`` is what the system or the store said.

    >>> print(ReadFailed("reading failed", "/a.warc.gz", OSError(5, "Input/output error")))
    /a.warc.gz: reading failed: Input/output error; try again with --resume
    """

    def __init__(self, what: str, where: str, error: OSError) -> None:
        super().__init__(f"{what}: {error.strerror or error}", where, "try again with --resume")
        self.said, self.error = what, error

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.said, self.where, self.error)


class StoreAway(CrawlmillError):
    """A store was out of reach for as long as it was waited for. What was being read is neither there nor damaged.

    Args:
        what: what happened.
        where: the URI.
        waited: for how many seconds.
    """

    def __init__(self, what: str, where: str, waited: float) -> None:
        hint = f"waited {waited:g} s (CRAWLMILL_STORE_WAIT=SECONDS for more); is it up? then try again with --resume"
        super().__init__(what, where, hint)
        self.waited = waited

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.where, self.waited)
