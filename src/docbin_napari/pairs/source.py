"""Read images of a folder or a zip file by their names inside it."""

from __future__ import annotations

import lzma
import re
import secrets
import shutil
import stat
import tempfile
import zipfile
import zlib
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from docbin_napari.io.atomic import writing_trouble
from docbin_napari.io.errors import FileError, PageError, PairError
from docbin_napari.io.page import PAGE_SUFFIXES, natural_key

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_LIMIT = 2**30
"""Most bytes of one file of a zip file, unpacked: 1 GiB."""
TOTAL_LIMIT = 32 * 2**30
"""Most bytes of all files of a zip file, unpacked: 32 GiB."""
ENTRY_LIMIT = 100_000
"""Most entries of a zip file."""

IMAGE_SUFFIXES = PAGE_SUFFIXES - {".pdf"}
_ARCHIVES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Refused:
    """A file of a source that is not looked at, and why."""

    name: str
    reason: str


class Source(Protocol):
    """What pairs are imported from."""

    @property
    def images(self) -> list[PurePosixPath]:
        """Names of the images inside the source, in natural order."""

    @property
    def refused(self) -> list[Refused]:
        """What is not looked at."""

    def file(self, name: PurePosixPath) -> AbstractContextManager[Path]:
        """Give an image as a file that can be read as long as the block lasts."""


@contextmanager
def open_source(path: Path, apart_from: Path | None = None) -> Iterator[Source]:
    """Open a folder or a zip file of images.

    Nothing of a zip file is ever written under the name of an entry: an image is
    unpacked to a temporary file while it is read.

    Parameters
    ----------
    path : Path
        Folder or zip file; folders inside are looked into.
    apart_from : Path, optional
        A folder that is passed over if it lies inside.

    Yields
    ------
    Source
        Its images and what is refused.

    Raises
    ------
    PairError
        If there is no such file or folder, or it is no zip file, damaged, or larger than
        the limits.
    """
    if path.is_dir():
        yield FolderSource(path, apart_from)
        return
    if not path.exists():
        raise PairError(path, "there is no such file or folder")
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise PairError(path, f"the file cannot be opened ({error.strerror})") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise PairError(
            path, "this is neither a folder nor a whole zip file; unpack it and give the folder"
        ) from None
    with archive, tempfile.TemporaryDirectory(prefix="docbin-") as place:
        yield ZipSource(path, archive, Path(place))


class FolderSource:
    """The images of a folder; links to folders are not followed."""

    def __init__(self, root: Path, apart_from: Path | None = None) -> None:
        self._root = root
        self._apart = apart_from.resolve() if apart_from else None
        self.refused: list[Refused] = []
        try:
            found = list(self._walk(root))
        except OSError as error:
            raise PairError(root, f"the folder cannot be read ({error})") from error
        self.images = sorted(found, key=lambda name: natural_key(Path(name)))

    def _walk(self, folder: Path) -> Iterator[PurePosixPath]:
        for entry in folder.iterdir():
            name = PurePosixPath(entry.relative_to(self._root).as_posix())
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if entry.is_symlink():
                    self.refused.append(Refused(f"{name}", "a link to a folder is not followed"))
                elif entry.resolve() != self._apart:
                    yield from self._walk(entry)
            elif entry.suffix.lower() in IMAGE_SUFFIXES:
                yield name
            elif reason := _not_looked_into(name):
                self.refused.append(Refused(f"{name}", reason))

    @contextmanager
    def file(self, name: PurePosixPath) -> Iterator[Path]:
        """Give the file itself."""
        yield self._root / name


class ZipSource:
    """The images of a zip file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, place: Path) -> None:
        self._archive = archive
        self._place = place
        self._path = path
        self._entries: dict[PurePosixPath, zipfile.ZipInfo] = {}
        self.refused: list[Refused] = []
        entries = archive.infolist()
        if len(entries) > ENTRY_LIMIT:
            raise PairError(path, f"{len(entries):,} entries are more than {ENTRY_LIMIT:,}")
        for entry in entries:
            self._sort_in(entry)
        total = sum(entry.file_size for entry in self._entries.values())
        if total > TOTAL_LIMIT:
            raise PairError(
                path,
                f"its images have {total / 2**30:.0f} GiB unpacked, more than "
                f"{TOTAL_LIMIT / 2**30:.0f} GiB; unpack it and give the folder if you trust it",
            )
        self.images = sorted(self._entries, key=lambda name: natural_key(Path(name)))

    def _sort_in(self, entry: zipfile.ZipInfo) -> None:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        reason = _danger(entry) or _not_looked_into(name)
        hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.parts)
        if reason:
            self.refused.append(Refused(entry.filename, reason))
        elif entry.is_dir() or hidden or name.suffix.lower() not in IMAGE_SUFFIXES:
            return
        elif name in self._entries:
            self.refused.append(Refused(entry.filename, "the zip file holds this name twice"))
        else:
            self._entries[name] = entry

    @contextmanager
    def file(self, name: PurePosixPath) -> Iterator[Path]:
        """Unpack an image to a temporary file, which the end of the block removes."""
        shown = Path(f"{self._path}/{name}")
        place = self._place / f"{secrets.token_hex(8)}{name.suffix}"
        try:
            self._unpack(self._entries[name], place, shown)
            yield place
        except FileError as error:
            raise type(error)(shown if error.path == place else error.path, error.reason) from error
        finally:
            place.unlink(missing_ok=True)

    def _unpack(self, entry: zipfile.ZipInfo, place: Path, shown: Path) -> None:
        try:
            # Reading stops at the size that the directory states, which is limited.
            with self._archive.open(entry) as packed, place.open("wb") as target:
                shutil.copyfileobj(packed, target)
        except (*_DAMAGE, MemoryError) as error:
            raise PageError(shown, f"it cannot be unpacked ({error})") from error
        except OSError as error:
            # Damaged bzip2 data are an OSError without a number.
            reason = writing_trouble(error) if error.errno else f"it cannot be unpacked ({error})"
            raise PageError(shown, reason) from error


def _danger(entry: zipfile.ZipInfo) -> str:
    """Say why an entry of a zip file is refused; "" if it is harmless."""
    name = entry.filename
    parts = re.split(r"[/\\]", name)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    size, limit = entry.file_size / 2**30, FILE_LIMIT / 2**30
    image = PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
    dangers = {
        "an absolute path leaves the target": not parts[0] or re.match(r"[A-Za-z]:", name),
        "a path with .. leaves the target": ".." in parts,
        "a link can lead out of the target": kind == stat.S_IFLNK,
        "neither a file nor a folder": kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK),
        f"{size:.1f} GiB unpacked, more than {limit:.0f} GiB": entry.file_size > FILE_LIMIT,
        "encrypted; unpack it first and give the folder": image and entry.flag_bits & _ENCRYPTED,
    }
    return next((f"refused: {danger}" for danger, found in dangers.items() if found), "")


def _not_looked_into(name: PurePosixPath) -> str:
    if name.suffix.lower() in _ARCHIVES:
        return "not looked into; unpack it first, or import it by itself"
    return ""
