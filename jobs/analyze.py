"""Any analyses as one mrjob job: ``python jobs/analyze.py --analysis origins,status -r inline|local|hadoop MANIFEST``."""

from __future__ import annotations

from crawlmill.jobs.base import ArchiveJob, main


class Analyze(ArchiveJob):
    """One step: analyses over records, merged by key."""


if __name__ == "__main__":
    main(Analyze)
