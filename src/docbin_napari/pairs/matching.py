"""Match masks with pages by the naming schemes of public data sets.

Strategy: a mask is known by its name (``NAME_gt``, ``NAME-GT``, ``NAME_estGT``, ``GT_NAME``),
by a folder above it (``GT``, ``GTimages``, ``1_gt``, ``ground_truth``, ``fg_mask``, ``labelsTr``,
``train_cleaned``), or by words that a page may have, too (``NAME_mask``, ``NAME_labels``), if
there is an image of that name without them. What
is left of its name when the mark is taken away is the name of its page. Where pages of
several folders have that name, the one whose folder is nearest is taken, and if two are
equally near, none: a wrong pair does more harm than a missing one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import TYPE_CHECKING

from docbin_napari.io.paths import same_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

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
    levels = zip(*(image.parent.parts for image in images), strict=False)
    around = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))
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
        candidates = sorted((_distance(page, mask), page) for page in named)
        if not candidates:
            alone[mask] = f"a mask without a page of the name {name}"
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
    for page in order:
        if page not in taken:
            alone[page] = "a page without a mask"
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
    common = 0
    for one, other in zip(here, there, strict=False):
        if one != other:
            break
        common += 1
    steps = len(here) + len(there) - 2 * common
    plain, other_plain = (_MARKS.sub("", "/".join(part).casefold()) for part in (here, there))
    return steps, 1.0 - SequenceMatcher(None, plain, other_plain, autojunk=False).ratio()
