"""A user's own files: which they are, and how they travel as one zip."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
import zipfile
from dataclasses import asdict, dataclass, replace
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import whole_name
from crawlmill.scratch import Scratch

_held: list[Scratch] = []  # until this process ends


@dataclass(frozen=True)
class OwnFile:
    """A file of the user's own.

    Attributes:
        root: the number of the folder that it is found from.
        place: where it lies below that folder, with ``/``.
        name: what it is called in ``run.json``, and by :func:`shipped`.
        digest: SHA-256 of its bytes, in hexadecimal digits.
        module: the name that it is imported by; empty for data, and for the file of an analysis.
        given: whether ``--ship`` named it.
    """

    root: int
    place: str
    name: str
    digest: str
    module: str = ""
    given: bool = False


@dataclass(frozen=True)
class Code:
    """All of a user's own code that a run depends on.

    Attributes:
        roots: folders on this machine.
        files: what travels.
        packages: installed packages that the files import, with their versions.
        values: what functions of a notebook use, and its digest.
        undigested: what has no digest, so that nobody can tell whether it changed.
    """

    roots: tuple[str, ...] = ()
    files: tuple[OwnFile, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    undigested: tuple[str, ...] = ()

    def path(self, file: OwnFile) -> str:
        """Where a file is on this machine."""
        return os.path.join(self.roots[file.root], *file.place.split("/"))

    @property
    def zip_name(self) -> str:
        """The name of the zip that the files travel in: other files, another name."""
        text = repr(sorted((file.root, file.place, file.digest) for file in self.files))
        return f"own-{hashlib.sha256(text.encode()).hexdigest()[:16]}.zip"

    def to_fields(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> Code:
        """The code of :meth:`to_fields`, after JSON."""
        return Code(
            tuple(fields["roots"]),
            tuple(OwnFile(**file) for file in fields["files"]),
            tuple((name, version) for name, version in fields["packages"]),
            tuple((name, digest) for name, digest in fields["values"]),
            tuple(fields["undigested"]),
        )


def digest_of(path: str) -> str:
    """SHA-256 of the bytes of a file. Raises :class:`UsageError` when it cannot be read."""
    found = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for data in iter(lambda: file.read(1 << 20), b""):
                found.update(data)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path, "check the path") from None
    return found.hexdigest()


def source_of(path: str, digest: str) -> bytes:
    """The bytes of a module. Raises :class:`CrawlmillError` when they are not those of the digest."""
    with open(path, "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != digest:
        raise changed(path)
    return data


def changed(path: str) -> CrawlmillError:
    """The error for a file that is another one than when the run began."""
    return CrawlmillError("the file changed while the run was going on", path, "begin the run anew")


def root_of_module(path: str) -> str:
    """The folder that a file is imported from: above all packages that it is in."""
    folder = os.path.dirname(path)
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def module_name(place: str) -> str:
    """The name that a file is imported by.

    >>> module_name("a/b.py"), module_name("a/__init__.py"), module_name("fast.abi3.so")
    ('a.b', 'a', 'fast')
    """
    for suffix in (".py", *EXTENSION_SUFFIXES):
        if place.endswith(suffix):
            parts = place[: -len(suffix)].split("/")
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def pack(code: Code, folder: str) -> str:
    """Write the files of a run as one zip into a folder, and return its path. Raises :class:`CrawlmillError` for a file that
    changed since the run began."""
    path = os.path.join(folder, code.zip_name)
    with whole_name(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for file in code.files:
            entry = zipfile.ZipInfo(f"{file.root}/{file.place}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            found = hashlib.sha256()
            with open(code.path(file), "rb") as source, out.open(entry, "w", force_zip64=True) as target:
                for data in iter(lambda: source.read(1 << 20), b""):
                    found.update(data)
                    target.write(data)
            if found.hexdigest() != file.digest:
                raise changed(code.path(file))
    return path


def unpack(code: Code, folder: str) -> Code:
    """The same code where its zip was brought to: unpacked beside it, once for all processes."""
    path = os.path.join(os.path.abspath(folder), code.zip_name)
    place = path[: -len(".zip")]
    if not os.path.isdir(place):
        if not os.access(os.path.dirname(path), os.W_OK):
            _held.append(Scratch())
            place = os.path.join(_held[-1].name, "own")
        made = f"{place}.{uuid.uuid4().hex}"
        with zipfile.ZipFile(path) as archive:
            archive.extractall(made)
        try:
            os.rename(made, place)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return replace(code, roots=tuple(os.path.join(place, str(number)) for number in range(len(code.roots))))
