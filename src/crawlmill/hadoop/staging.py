"""The small files of a job in the cluster's file system: over WebHDFS where that answers, because each command of ``hadoop``
starts a Java program; else by those commands."""

from __future__ import annotations

import os
from dataclasses import dataclass

from crawlmill.cluster.finding import Found
from crawlmill.errors import CrawlmillError
from crawlmill.hadoop.commands import call
from crawlmill.stores import store_of
from crawlmill.stores.webhdfs import ask

_WAIT = 0.9  # seconds, too few to say anything: the commands do it as well
_NOT_SO = (CrawlmillError, OSError)  # WebHDFS is off, wants a ticket, or the file system is another one


@dataclass(frozen=True)
class Staging:
    """A folder of one job.

    Attributes:
        found: the Hadoop.
        path: the folder, in its default file system.
    """

    found: Found
    path: str

    def put(self, file: str) -> None:
        """Copy a local file into the folder. Raises :class:`CrawlmillError`."""
        try:
            ask(f"hdfs://{self.path}/{os.path.basename(file)}", "CREATE", "PUT", file, _WAIT, overwrite="true")
        except _NOT_SO:
            call(self.found, self.mkdir_words)
            call(self.found, self.put_words(file))

    def get_parts(self, folder: str) -> list[str]:
        """Copy ``out/part-*`` into a new local folder; answers the paths, sorted. Raises :class:`CrawlmillError`."""
        os.mkdir(folder)
        try:
            ask(f"hdfs://{self.path}/out", "GETFILESTATUS", wait=_WAIT)
            store = store_of("hdfs://")
            for entry in store.list(f"hdfs://{self.path}/out"):
                name = entry.uri.rpartition("/")[2]
                if name.startswith("part-"):
                    store.fetch(entry.uri, os.path.join(folder, name), entry)
        except _NOT_SO:
            call(self.found, ["fs", "-get", "-f", f"{self.path}/out/part-*", folder])
        return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("part-"))

    def remove(self) -> None:
        """Delete the folder, if it can be."""
        try:
            ask(f"hdfs://{self.path}", "DELETE", "DELETE", wait=_WAIT, recursive="true")
        except _NOT_SO:
            call(self.found, ["fs", "-rm", "-r", "-f", "-skipTrash", self.path], check=False)

    @property
    def mkdir_words(self) -> list[str]:
        """The arguments of ``hadoop`` that make the folder."""
        return ["fs", "-mkdir", "-p", self.path]

    def put_words(self, file: str) -> list[str]:
        """The arguments of ``hadoop`` that copy a file into it."""
        return ["fs", "-put", file, f"{self.path}/"]
