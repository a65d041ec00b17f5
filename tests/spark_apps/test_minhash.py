"""Shingles, signatures and buckets: fixed numbers, the same with numpy and without, and the chances that the S-curve promises."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlmill.errors import UsageError
from crawlmill.spark_apps import minhash
from crawlmill.spark_apps.minhash import Shape, fingerprint, runs, shape_for, shape_of, shingles, signature

TEXT = "To be, or not to be: that is the question. Whether 'tis nobler in the mind to suffer"
NUMBERS = (
    [-6120213538162367609, -5772993088661005237, -2183816192548394653],
    [149694124, 660149718, 450683489],
    [4151112293276657243, 1979801379829424051],
)


def test_the_numbers_are_fixed_whatever_the_seed_of_python() -> None:
    """Read once from this program; a table that was written with it must fit one that is written tomorrow."""
    found = fingerprint(TEXT, 5, 128, Shape(18, 7))
    assert found is not None and len(found.shingles) == 14
    assert (found.shingles[:3], found.signature[:3], found.buckets[:2]) == NUMBERS
    code = f"from crawlmill.spark_apps.minhash import *; print(fingerprint({TEXT!r}, 5, 128, Shape(18, 7)))"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment
        )
        assert done.stdout.strip() == str(found)


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=60, unique=True), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_numpy_makes_no_difference(numbers: list[int], permutations: int) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed: pip install 'crawlmill[text]'")
    assert minhash._by_numpy(numbers, permutations) == minhash._by_python(numbers, permutations)


def test_numpy_makes_no_difference_beyond_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed: pip install 'crawlmill[text]'")
    numbers = shingles(" ".join(map(str, range(300))), 2)
    whole = minhash._by_python(numbers, 16)
    monkeypatch.setattr(minhash, "CHUNK", 7)
    assert minhash._by_numpy(numbers, 16) == whole
    monkeypatch.setattr(minhash, "FAST", False)
    assert signature(numbers, 16) == whole


def test_texts_without_blanks_and_without_words() -> None:
    assert list(runs("河边的早市", 2)) == ["河边 边的", "边的 的早", "的早 早市"]
    assert fingerprint("...", 5, 8, Shape(4, 2)) is None and fingerprint(None, 5, 8, Shape(4, 2)) is None
    assert len(shingles("one two", 5)) == 1 and shingles("one two", 5) != shingles("two one", 5)


# ---- chances


def pair_of(rng: random.Random, shared: int, own: int) -> tuple[list[int], list[int]]:
    """Two sets of shingles with ``shared`` in both, and ``own`` in each alone."""
    drawn = [rng.getrandbits(64) - (1 << 63) for _ in range(shared + 2 * own)]
    return sorted(drawn[: shared + own]), sorted(drawn[:shared] + drawn[shared + own :])


def pairs_of(similarity: Fraction, count: int) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs of exactly that Jaccard similarity, fixed ones."""
    rng = random.Random(2026)
    own = 10 * similarity.denominator - 10 * similarity.numerator
    for _ in range(count):
        yield pair_of(rng, 20 * similarity.numerator, own)


@pytest.mark.parametrize("tenths", [2, 5, 8, 9])
def test_an_estimate_is_near_the_similarity(tenths: int) -> None:
    """The mean of 300 estimates, and each of them within five standard deviations of a binomial."""
    similarity = Fraction(tenths, 10)
    estimates = []
    for one, two in pairs_of(similarity, 300):
        a, b = set(one), set(two)
        assert Fraction(len(a & b), len(a | b)) == similarity
        estimates.append(sum(x == y for x, y in zip(signature(one, 128), signature(two, 128), strict=True)) / 128)
    sigma = math.sqrt(similarity * (1 - similarity) / 128)
    assert abs(sum(estimates) / 300 - similarity) < 5 * sigma / math.sqrt(300)
    assert all(abs(estimate - similarity) < 5 * sigma for estimate in estimates)


@pytest.mark.parametrize("shape", [Shape(18, 7), Shape(42, 3), Shape(14, 8)])
@pytest.mark.parametrize("tenths", [2, 4, 6, 7, 8, 9])
def test_pairs_share_a_bucket_as_often_as_the_curve_says(shape: Shape, tenths: int) -> None:
    """Of 300 fixed pairs, within four standard deviations of a binomial."""
    similarity, found = Fraction(tenths, 10), 0
    for one, two in pairs_of(similarity, 300):
        found += bool(
            set(minhash.buckets(signature(one, 126), shape)) & set(minhash.buckets(signature(two, 126), shape))
        )
    chance = float(shape.chance(similarity))
    assert abs(found - 300 * chance) <= 4 * math.sqrt(300 * chance * (1 - chance)) + 1


@pytest.mark.parametrize("hundredths", range(5, 100, 5))
def test_the_shape_of_a_threshold_finds_what_it_promises(hundredths: int) -> None:
    threshold = Fraction(hundredths, 100)
    shape = shape_for(threshold, 128)
    assert shape.bands * shape.rows <= 128
    assert shape.chance(threshold) >= minhash.SURE or shape.rows == 1
    steeper = Shape(128 // (shape.rows + 1), shape.rows + 1)
    assert steeper.chance(threshold) < minhash.SURE


def test_a_shape_that_a_user_asks_for() -> None:
    half = Fraction(1, 2)
    assert shape_of(half, 128, None, None) == shape_for(half, 128)
    assert shape_of(half, 128, 14, 8) == Shape(14, 8)
    assert shape_of(half, 128, 20, None) == Shape(20, 6) and shape_of(half, 128, None, 9) == Shape(14, 9)
    for bands, rows in ((14, 10), (129, None), (None, 129), (0, 1), (1, -1)):
        with pytest.raises(UsageError):
            shape_of(half, 128, bands, rows)


def test_the_page_shows_the_curve(root: Path) -> None:
    page = (root / "docs/spark_text.md").read_text("utf-8")
    lines = re.findall(r"^\| (0\.\d)[^|]* \| (\d+) × (\d+) \| (.*) \|$", page, re.M)
    assert len(lines) == 4
    for threshold, bands, rows, shown in lines:
        shape = shape_for(Fraction(threshold), 128)
        assert shape == (int(bands), int(rows))
        chances = [f"{round(100 * float(shape.chance(Fraction(tenths, 10))))} %" for tenths in range(5, 10)]
        assert shown.split(" | ") == chances
