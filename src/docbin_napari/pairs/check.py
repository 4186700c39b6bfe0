"""Check training pairs: each fault with its file and its fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.errors import FileError, LabelNumbersError, PairError
from docbin_napari.io.mask import GroundTruth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER
from docbin_napari.io.paths import shown
from docbin_napari.pairs import overlap
from docbin_napari.pairs.drafts import content_of
from docbin_napari.pairs.mask_trouble import lightness, mask_trouble
from docbin_napari.pairs.pair import Pair, find_collections, images_by_name, read_pair
from docbin_napari.pairs.save import SPLITS


@dataclass(frozen=True)
class Finding:
    """Something that should be fixed before training.

    Parameters
    ----------
    kind : str
        Which trouble; "unfit" is a mask of another size than its page.
    path : Path
        The file.
    problem : str
        What is wrong with it.
    fix : str
        What to do.
    """

    kind: str
    path: Path
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{shown(self.path)}: {shown(self.problem)}; {shown(self.fix)}"


@dataclass(frozen=True)
class Checked:
    """Progress of a check: how many of its steps are done."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class _Looked:
    """What is kept of a page to compare it with the others."""

    pair: Pair
    split: str
    content: str
    small: NDArray[np.float32]
    squares: overlap.Fingerprint


def check_pairs(folder: Path) -> Iterator[Finding | Checked]:
    """Look for whatever would spoil a training or its test.

    Pages and masks that are alone, files that cannot be read, masks of another size,
    of another page, shifted or turned, of small numbers instead of 0 and 255, with ink and
    background exchanged, without ink or without a labelled pixel, pages
    that are there twice, byte for byte or at another size, quality or cut, and pages of which
    a part is another page.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with ``train`` and ``test``.

    Yields
    ------
    Finding or Checked
        Findings as they are made; Checked after each pair, and after each page that was
        compared with all others.

    Raises
    ------
    PairError
        When the first is asked for, if there is no collection.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from docbin_napari.pairs.pair import write_pair
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paper, ink = np.full((9, 9, 3), 240, np.uint8), np.zeros((9, 9), dtype=bool)
    ...     _ = write_pair(folder, "letter", paper, ink)
    ...     [event.kind for event in check_pairs(Path(folder)) if isinstance(event, Finding)]
    ['no ink']
    """
    matched: list[tuple[Pair, str]] = []
    for collection in find_collections(folder):
        try:
            pages = images_by_name(collection.path)
            masks = images_by_name(collection.path / GROUND_TRUTH_FOLDER)
            matched += [
                (Pair(pages[name][0], masks[name][0], collection.name, name), collection.split)
                for name in pages
                if name in masks and len(pages[name]) == len(masks[name]) == 1
            ]
            yield from _alone(collection.path, pages, masks)
        except PairError as error:
            yield Finding("unreadable", error.path, error.reason, "change its permissions")
    total = 2 * len(matched)
    looked: list[_Looked] = []
    for number, (pair, split) in enumerate(matched, start=1):
        findings, page = _look(pair, split)
        yield from findings
        looked += [page] if page else []
        yield Checked(number, total)
    for number, findings in enumerate(_twice(looked), start=total - len(looked) + 1):
        yield from findings
        yield Checked(number, total)


def _alone(
    folder: Path, pages: dict[str, list[Path]], masks: dict[str, list[Path]]
) -> Iterator[Finding]:
    """Report files that have no partner, or more than one."""
    for name, paths in pages.items():
        mask = f"{GROUND_TRUTH_FOLDER}/{name}.png"
        problem = f"there is no mask {mask}, so training passes it over"
        for path in paths if name not in masks else ():
            yield Finding("page without mask", path, problem, "label it, or move it elsewhere")
    for name, paths in masks.items():
        problem = f"there is no page named {name} in {folder}"
        fix = "add the page, rename one of the two, or remove the mask"
        for path in paths if name not in pages else ():
            yield Finding("mask without page", path, problem, fix)
    for found, others in ((pages, masks), (masks, pages)):
        for name, (first, *more) in found.items():
            problem = f"it has the name of {first.name}"
            for path in more if name in others else ():
                yield Finding("same name", path, problem, "keep one of them")


def _look(pair: Pair, split: str) -> tuple[list[Finding], _Looked | None]:
    """Read a pair; the page is kept small, to be compared."""
    try:
        pixels, truth = read_pair(pair)
    except PairError as error:
        fix = "make the mask again from this page, or add the page that it was made from"
        one = "save it as one image" if "one image" in error.reason else fix
        return [Finding("unfit", error.path, error.reason, one)], None
    except LabelNumbersError as error:
        problem, _, fix = error.reason.partition("; ")
        return [Finding("label numbers", error.path, problem, fix)], None
    except FileError as error:
        fix = "copy the file again, or remove the pair"
        return [Finding("unreadable", error.path, error.reason, fix)], None
    gray = lightness(pixels)
    small, squares = overlap.thumbnail(gray), overlap.fingerprint(gray)
    looked = _Looked(pair, split, content_of(pixels), small, squares)
    return _mask_findings(pair.ground_truth, truth, gray), looked


def _mask_findings(mask: Path, truth: GroundTruth, gray: NDArray[np.uint8]) -> list[Finding]:
    if not truth.labelled.any():
        problem = "no pixel is labelled, so nothing can be learnt from it"
        fix = "label a part of the page, or remove the mask"
        return [Finding("not labelled", mask, problem, fix)]
    if not truth.ink.any():
        fix = "remove the pair unless the page is empty"
        return [Finding("no ink", mask, "there is no ink in it", fix)]
    trouble = mask_trouble(gray, truth)
    return [Finding(trouble.kind, mask, trouble.problem, trouble.fix)] if trouble else []


def _twice(pages: list[_Looked]) -> Iterator[list[Finding]]:
    """Compare each page with all before it."""
    shared = overlap.shared_parts([page.squares for page in pages])
    for index, page in enumerate(pages):
        likeness_to_page = overlap.likeness_to(page.small)
        found = []
        for before, other in enumerate(pages[:index]):
            if page.content == other.content:
                kind, words = "duplicate", "the same page, pixel for pixel, as"
            elif (likeness := likeness_to_page(other.small)) >= overlap.SAME_PAGE:
                kind, words = "near-duplicate", f"nearly the same page (likeness {likeness:.2f}) as"
            elif part := shared.get((before, index)):
                words = f"{part:.0%} of the smaller of the two is, pixel for pixel, a part of"
                kind = "shared part"
            else:
                continue
            problem = f"{words} {other.pair.page}"
            found.append(Finding(kind, page.pair.page, problem, _fix_of_copy(page, other)))
        yield found


def _use(page: _Looked) -> str:
    """``train`` or ``test``, each of which may also be a collection itself, or another split."""
    return page.split or (page.pair.collection if page.pair.collection in SPLITS else "")


def _fix_of_copy(page: _Looked, other: _Looked) -> str:
    if _use(page) == _use(other):
        return "keep one of them, since a page that is there twice weighs twice"
    places = f"{page.pair.collection} or in {other.pair.collection}"
    return f"keep it in {places}: a page that was learnt is no test"
