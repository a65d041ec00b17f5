"""The inputs that the tests of Spark's tables share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def everything(samples: Path) -> list[str]:
    """All kinds of sample archives, sound and damaged."""
    return [str(samples / name) for name in ("*.warc.gz", "damaged", "wat", "wet", "formats")]
