"""Calls that hang, crash or raise cost themselves, and the next one is answered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from crawlmill.errors import CrawlmillError, MissingExtra
from crawlmill.guard.calls import Calls, Ended

KILL = "__import__('os').kill(__import__('os').getpid(), 9)"


@pytest.fixture(scope="module")
def evaluated() -> Iterator[Calls]:
    """A process that evaluates expressions, each for at most half a second."""
    with Calls("functools:partial", (eval,), 0.5) as calls:
        yield calls


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("[i for i in iter(int, 1)]", "timeout"),
        ("__import__('re').match('(a*)*b', 'a' * 60)", "timeout"),  # inside C code that looks at no signal
        (KILL, "crash"),
        ("__import__('os')._exit(0)", "crash"),
        ("__import__('ctypes').string_at(0)", "crash"),
        ("'a' * (64 << 30)", "raised: MemoryError"),
        ("__import__('sys').exit(0)", "raised: SystemExit: 0"),
        ("1 / 0", "raised: ZeroDivisionError: division by zero"),
    ],
)
def test_a_call_that_gives_no_answer(evaluated: Calls, code: str, said: str) -> None:
    assert evaluated("1 + 1") == 2
    with pytest.raises(Ended) as ended:
        evaluated(code)
    assert str(ended.value) == said
    assert evaluated("1 + 1") == 2


def test_a_call_that_sleeps_ends_too() -> None:
    with Calls("functools:partial", (eval,), 0.02) as calls, pytest.raises(Ended, match="timeout"):
        calls("__import__('time').sleep(60)")


def test_a_process_killed_by_others_is_given_the_call_again(tmp_path: os.PathLike[str]) -> None:
    mark = os.path.join(tmp_path, "mark")
    once = f"__import__('os').path.exists({mark!r}) or (open({mark!r}, 'w').close(), {KILL})"
    with Calls("functools:partial", (eval,), 5) as calls:
        assert calls(once) is True


def test_what_is_printed_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with Calls("functools:partial", (eval,), 5) as calls:
        assert calls("print('loud') or 3") == 3
    assert capfd.readouterr().err == "loud\n"


def test_a_large_call_and_a_large_answer(evaluated: Calls) -> None:
    assert len(evaluated(f"{'a' * (3 << 20)!r} * 2")) == 6 << 20


def test_sets_have_one_order_in_every_process() -> None:
    orders = set()
    for _ in range(3):
        with Calls("functools:partial", (eval,), 5) as calls:
            orders.add(calls("''.join({chr(code) for code in range(97, 117)})"))
    assert len(orders) == 1


def test_a_factory_that_fails_ends_the_run() -> None:
    with pytest.raises(CrawlmillError, match="no_such_module:f did not start: raised ModuleNotFoundError"):
        Calls("no_such_module:f", (), 5)(1)


def test_our_own_errors_come_through_as_they_are() -> None:
    code = "(_ for _ in ()).throw(__import__('crawlmill.errors').errors.MissingExtra('lz4', 'codecs'))"
    with Calls("functools:partial", (eval,), 5) as calls, pytest.raises(MissingExtra, match=r"crawlmill\[codecs\]"):
        calls(code)


def test_no_process_is_left_when_the_parent_is_killed() -> None:
    code = (
        "from crawlmill.guard.calls import Calls\n"
        "calls = Calls('functools:partial', (eval,), 0.5)\n"
        "calls(\"(__import__('os').kill(__import__('os').getppid(), 9), [i for i in iter(int, 1)])\")\n"
    )
    # stderr is the child's too: its end is seen here only when both are gone.
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -9
