"""Read images of a folder or a zip file by their names inside it, and match masks with pages.

Strategy, by the naming schemes of public data sets: a mask is known by its name (``NAME_gt``,
``NAME-GT``, ``NAME_estGT``, ``GT_NAME``), by a folder above it (``GT``, ``GTimages``, ``1_gt``,
``ground_truth``, ``fg_mask``, ``labelsTr``, ``train_cleaned``), or by words that a page may have,
too (``NAME_mask``, ``NAME_labels``), if there is an image of that name without them. What is left
of its name when the mark is taken away is the name of its page. Where pages of several folders have
that name, the one whose folder is nearest is taken, and if two are equally near, none: a wrong pair
does more harm than a missing one.
"""

from __future__ import annotations

import lzma
import re
import secrets
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from pathlib import Path, PurePosixPath

from docbin_napari.io.errors import FileError, PageError, PairError
from docbin_napari.io.page import PAGE_SUFFIXES, natural_key
from docbin_napari.io.paths import same_name, writing_trouble

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


@contextmanager
def open_source(path: Path, apart_from: Path | None = None) -> Iterator[Source]:
    """Open a folder or a zip file of images.

    Nothing of a zip file is ever written under the name of an entry: an image is
    unpacked to a temporary file while it is read.

    Parameters
    ----------
    path : Path
        Folder or zip file; folders inside are searched.
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
        self.refused: list[tuple[str, str]] = []
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
                    self.refused.append((str(name), "a link to a folder is not followed"))
                elif entry.resolve() != self._apart:
                    yield from self._walk(entry)
            elif entry.suffix.lower() in IMAGE_SUFFIXES:
                yield name
            elif reason := _not_looked_into(name):
                self.refused.append((str(name), reason))

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
        self.refused: list[tuple[str, str]] = []
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
            self.refused.append((entry.filename, reason))
        elif entry.is_dir() or hidden or name.suffix.lower() not in IMAGE_SUFFIXES:
            return
        elif name in self._entries:
            self.refused.append((entry.filename, "the zip file holds this name twice"))
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
        return "not opened; unpack it first, or import it by itself"
    return ""


Source = FolderSource | ZipSource
"""What pairs are imported from: `images`, what is `refused` and why, and a `file` by its name."""


_TRUTH = r"(?:est)?gt|ground[-_ ]?truth"
_MASK_NAME = re.compile(
    rf"(?P<page>.+?)(?:[-_ .](?:{_TRUTH})|(?-i:(?<=[a-z0-9])(?:est)?GT))"
    rf"|(?:{_TRUTH})[-_ .](?P<after>.+)",
    re.IGNORECASE,
)
_MASK_WORD = re.compile(
    r"(?P<page>.+?)[-_ .](?:masks?|labels?|seg(?:mentation)?s?|annotations?|clean(?:ed)?)",
    re.IGNORECASE,
)
_FOLDER_MARK = (
    rf"(?:(?:{_TRUTH}|fg[-_ ]?mask|mask|label|target|annotation|segmentation)s?|clean(?:ed)?)"
)
_MASK_FOLDER = re.compile(
    rf"gt.*|(?:.*[^a-z])?{_FOLDER_MARK}(?:[^a-z].*)?|labelsT[rs]|Segmentation(?:Class|Object)",
    re.IGNORECASE,
)
# The last is the first channel of a page of nnU-Net.
_PAGE_NAME = re.compile(
    r"(?P<page>.+?)[-_ .](?:in|img|image|orig|original|input|0000)", re.IGNORECASE
)
_MARKS = re.compile(
    rf"{_TRUTH}|fg_?masks?|masks?|labels?|imgs?|images?|originals?|inputs?|[^a-z0-9]", re.IGNORECASE
)


@dataclass(frozen=True)
class Match:
    """A page and its mask, by their names inside the source.

    Parameters
    ----------
    page, mask : PurePosixPath
        The two files.
    name : str
        Name of the page without its suffix.
    """

    page: PurePosixPath
    mask: PurePosixPath
    name: str


@dataclass(frozen=True)
class Matching:
    """What belongs together, and what is left over.

    Parameters
    ----------
    matches : tuple of Match
        In the order of the pages.
    alone : tuple of (PurePosixPath, str)
        Files without a partner, and why.
    """

    matches: tuple[Match, ...]
    alone: tuple[tuple[PurePosixPath, str], ...]


def match_pairs(images: Iterable[PurePosixPath]) -> Matching:
    """Find the pairs among the images of a data set.

    Parameters
    ----------
    images : iterable of PurePosixPath
        Names inside the source, with their folders.

    Returns
    -------
    Matching
        Pairs and what is left over.

    Examples
    --------
    >>> from pathlib import PurePosixPath as Name
    >>> found = match_pairs([Name("imgs/1.bmp"), Name("gt_img/1.bmp"), Name("imgs/2.bmp")])
    >>> [(str(match.page), str(match.mask)) for match in found.matches]
    [('imgs/1.bmp', 'gt_img/1.bmp')]
    >>> [(str(name), why) for name, why in found.alone]
    [('imgs/2.bmp', 'a page without a mask')]
    """
    images = list(images)
    # A folder around everything, "set with GT" for instance, tells nothing about one image.
    around = _folders_around(images)
    pages: dict[str, list[PurePosixPath]] = defaultdict(list)
    masks: list[tuple[PurePosixPath, str]] = []
    order: list[PurePosixPath] = []
    known = Counter(same_name(image.stem).casefold() for image in images)
    for image in images:
        named = _without_mask_word(image, known) or page_name_of(image, around)
        if named is not None:
            masks.append((image, named))
            continue
        order.append(image)
        names = {same_name(image.stem).casefold()}
        if marked := _PAGE_NAME.fullmatch(image.stem):
            names.add(same_name(marked["page"]).casefold())
        for name in names:
            pages[name].append(image)
    return _assign(order, pages, masks)


def _folders_around(images: Iterable[PurePosixPath]) -> int:
    """How many folders, from the outermost on, are those of all images."""
    levels = zip(*(image.parent.parts for image in images), strict=False)
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))


def page_name_of(image: PurePosixPath, around: int = 0) -> str | None:
    """Tell which page an image is the mask of.

    Parameters
    ----------
    image : PurePosixPath
        Name inside the source.
    around : int
        Outer folders that tell nothing, since all images lie in them.

    Returns
    -------
    str or None
        The name of the page without suffix; None if the image looks like a page itself.

    Examples
    --------
    >>> from pathlib import PurePosixPath as Name
    >>> names = ("H01_estGT.tif", "GT/3.png", "z12GT.png", "night.png")
    >>> [page_name_of(Name(name)) for name in names]
    ['H01', '3', 'z12', None]
    """
    marked = _MASK_NAME.fullmatch(image.stem)
    if marked:
        return marked["page"] or marked["after"]
    inside = any(_MASK_FOLDER.fullmatch(part) for part in image.parent.parts[around:])
    return image.stem if inside else None


def _without_mask_word(image: PurePosixPath, known: Counter[str]) -> str | None:
    """Name of the page, if only the word for a mask makes the difference to another image."""
    marked = _MASK_WORD.fullmatch(image.stem)
    # Two images of the whole name are a page and its mask.
    if marked is None or known[same_name(image.stem).casefold()] > 1:
        return None
    page = same_name(marked["page"]).casefold()
    return marked["page"] if known[page] or known[f"{page}_0000"] else None


def _assign(
    order: list[PurePosixPath],
    pages: dict[str, list[PurePosixPath]],
    masks: list[tuple[PurePosixPath, str]],
) -> Matching:
    """Give each mask the nearest page of its name; nearest pairs first, each page once."""
    wishes = []
    alone: dict[PurePosixPath, str] = {}
    for mask, name in masks:
        named = pages[same_name(name).casefold()]
        # Names are compared without upper case, but where both spellings are there, it counts.
        candidates = sorted(((*_distance(page, mask), page.stem != name), page) for page in named)
        if not candidates:
            alone[mask] = f"a mask without a page named {name}"
        elif len(candidates) > 1 and candidates[0][0] == candidates[1][0]:
            alone[mask] = f"as near to {candidates[0][1]} as to {candidates[1][1]}"
        else:
            wishes.append((*candidates[0], mask))
    taken: dict[PurePosixPath, PurePosixPath] = {}
    for _, page, mask in sorted(wishes):
        if page in taken:
            alone[mask] = f"its page {page} has the mask {taken[page]} already"
        else:
            taken[page] = mask
    alone |= {page: "a page without a mask" for page in order if page not in taken}
    names = dict(masks)
    matches = [
        Match(page, taken[page], _name(page, names[taken[page]])) for page in order if page in taken
    ]
    return Matching(tuple(matches), tuple(sorted(alone.items())))


def _name(page: PurePosixPath, of_mask: str) -> str:
    """The page's own name, without the mark of a page if its mask has none."""
    marked = _PAGE_NAME.fullmatch(page.stem)
    same = marked is not None and marked["page"].casefold() == of_mask.casefold()
    return of_mask if same else page.stem


def _distance(page: PurePosixPath, mask: PurePosixPath) -> tuple[int, float]:
    """How far two folders are from each other: steps, then unlikeness of their names."""
    here, there = page.parent.parts, mask.parent.parts
    steps = len(here) + len(there) - 2 * _folders_around((page, mask))
    plain, other_plain = (_MARKS.sub("", "/".join(part).casefold()) for part in (here, there))
    return steps, 1.0 - SequenceMatcher(None, plain, other_plain, autojunk=False).ratio()
