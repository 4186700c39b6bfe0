"""Export ink as black-and-white pages: a page, a stack, a folder; no Qt."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.mask import write_mask
from docbin_napari.io.paths import clean_name
from docbin_napari.pairs.work_list import RESULT_ENDING
from docbin_napari.plugin.layers.ink_result import INK, UNLABELLED, result_behind
from docbin_napari.plugin.pages.prepare import PageFailed, PageReady, make_ready
from docbin_napari.plugin.saving.ink_saving import INK_SUFFIXES, free_path
from docbin_napari.plugin.threads import Failed, readable
from docbin_napari.plugin.writer import resolutions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.layers import Labels
    from numpy.typing import NDArray

    from docbin_napari.plugin.pages.prepare import PageOrder
    from docbin_napari.plugin.threads import PageEngine

_LOG = logging.getLogger(__name__)
FORMATS = {"PNG": ".png", "TIFF (G4)": ".tif"}


@dataclass(frozen=True)
class Exported:
    """How far an export is: `done` of `total` pages, `file` the last one written."""

    done: int
    total: int
    file: Path | None = None


@dataclass(frozen=True)
class ExportEnd:
    """An export that went to its end.

    Parameters
    ----------
    files : tuple of Path
        What was written.
    troubles : tuple of str
        One line for each page that could not be.
    unlabelled : bool
        Whether unlabelled pixels were written as paper.
    """

    files: tuple[Path, ...]
    troubles: tuple[str, ...] = ()
    unlabelled: bool = False

    @property
    def sentence(self) -> str:
        """What happened, in one line for the user."""
        if not self.files:
            return f"Nothing was saved: {self.troubles[0] if self.troubles else 'no page'}."
        where = self.files[0].name if len(self.files) == 1 else f"{len(self.files)} pages"
        text = f"Saved {where} in {self.files[0].parent.name or self.files[0].parent}."
        if self.unlabelled:
            text += " Unlabelled places are white."
        if self.troubles:
            text += f" {len(self.troubles)} could not be saved."
        return text


def offered_path(layer: Labels, suffix: str) -> Path:
    """Offer a file beside the scan, under a name that is free.

    Parameters
    ----------
    layer : Labels
        Ink; its metadata may name the file of the scan.
    suffix : str
        Of the format.

    Returns
    -------
    Path
        ``letter-bw.png`` for ``letter.jpg``; in the home folder where the scan has no file.
    """
    source, page = layer.metadata.get("source"), layer.metadata.get("page")
    if not source:
        return free_path(Path.home() / f"{clean_name(layer.name)}{RESULT_ENDING}{suffix}")
    scan = Path(source)
    folder = scan.parent if scan.parent.is_dir() else Path.home()
    number = f"-p{page}" if isinstance(page, int) and page > 1 else ""
    return free_path(folder / f"{clean_name(scan.stem)}{number}{RESULT_ENDING}{suffix}")


def with_suffix(path: Path, wanted: str) -> Path:
    """Give a typed name a suffix that can be written; then nothing is overwritten by it."""
    if path.suffix.lower() in INK_SUFFIXES:
        return path
    return free_path(path.with_name(path.name + wanted))


@dataclass(frozen=True, eq=False)
class StackExport:
    """Pages of a labels layer on their way to the disk.

    Parameters
    ----------
    planes : tuple of ndarray
        (H, W) each: copies, painting may go on; the labels of one page may be large.
    dpi : tuple
        Resolution of each, (x, y) or None.
    target : Path
        The file; several pages become one TIFF, or numbered PNG files.
    """

    planes: tuple[NDArray[Any], ...]
    dpi: tuple[tuple[float, float] | None, ...]
    target: Path


def take_pages(layer: Labels, target: Path, only: int | None = None) -> StackExport:
    """Take pages of ink out of the viewer.

    Parameters
    ----------
    layer : Labels
        0 background, 1 ink, 2 unlabelled; (H, W) or (pages, H, W).
    target : Path
        The file.
    only : int, optional
        One page of the stack, from 0; all that have been binarized, or may have been painted,
        are taken otherwise.

    Returns
    -------
    StackExport
        For `export_stack`.

    Raises
    ------
    ValueError
        If no page has been binarized, or the labels are not those of ink.
    """
    data: Any = layer.data[0] if layer.multiscale else layer.data
    stack = data if data.ndim == 3 else data[np.newaxis]
    result = result_behind(layer)
    numbers = [
        number
        for number in (range(len(stack)) if only is None else (only,))
        if result is None or result.has(number) or bool(stack[number].any())
    ]
    if not numbers:
        raise ValueError("no page has been binarized yet: press Run first")
    dpi = resolutions_of(layer.metadata.get("dpi"), len(stack))
    planes = tuple(np.array(stack[number]) for number in numbers)
    for plane in planes:
        if plane.min() < 0 or plane.max() > UNLABELLED:
            raise ValueError(
                f"“{layer.name}” holds values from {plane.min()} to {plane.max()}: ink is 1, "
                "paper 0, unlabelled 2"
            )
    return StackExport(planes, tuple(dpi[number] for number in numbers), target)


def export_stack(order: StackExport) -> Iterator[Exported | ExportEnd | Failed]:
    """Write pages of a layer; run beside the window.

    Parameters
    ----------
    order : StackExport
        From `take_pages`.

    Yields
    ------
    Exported, ExportEnd or Failed
        One of the last two ends it; nothing is raised, see `work.run`. When it is stopped
        between two PNG files, those that are written stay.
    """
    count, target = len(order.planes), order.target
    unlabelled = any(bool((plane == UNLABELLED).any()) for plane in order.planes)
    try:
        if count == 1 or target.suffix.lower() != ".png":
            yield Exported(0, count)
            path = write_mask(target, (plane == INK for plane in order.planes), dpi=order.dpi)
            yield ExportEnd((path,), unlabelled=unlabelled)
            return
        files = []
        for number, (plane, dpi) in enumerate(zip(order.planes, order.dpi, strict=True), start=1):
            name = f"{target.stem}_{number:0{len(str(count))}}{target.suffix}"
            files.append(write_mask(free_path(target.with_name(name)), plane == INK, dpi=dpi))
            yield Exported(number, count, files[-1])
        yield ExportEnd(tuple(files), unlabelled=unlabelled)
    except Exception as error:
        _LOG.exception("pages were not exported")
        yield Failed(f"Not saved: {readable(error)}")


def export_folder(
    orders: list[PageOrder],
    target: Path,
    suffix: str,
    load: Callable[[str, str], PageEngine],
    shown: dict[int, NDArray[Any]] | None = None,
) -> Iterator[Exported | ExportEnd | Failed]:
    """Write all pages of a folder: as saved or corrected, else as the model finds them.

    Parameters
    ----------
    orders : list of PageOrder
        The pages. Those that were binarized before are not computed again.
    target : Path
        Folder of the new files; files of other runs in it are not overwritten.
    suffix : str
        ``.png`` or ``.tif``.
    load : callable
        Makes the engine.
    shown : dict of int to ndarray, optional
        Labels of pages that are in the viewer, by their place in the list.

    Yields
    ------
    Exported, ExportEnd or Failed
        As `export_stack`.
    """
    files: list[Path] = []
    troubles: list[str] = []
    unlabelled = False
    for done, order in enumerate(orders, start=1):
        try:
            for event in make_ready(order, load):
                yield Exported(done - 1, len(orders))
                if isinstance(event, PageFailed):
                    troubles.append(event.message)
                elif isinstance(event, PageReady):
                    known = (shown or {}).get(order.number)
                    labels = event.labels if event.corrected is None else event.corrected
                    labels = labels if known is None else known
                    entry = order.entry
                    number = f"-p{entry.page:0{len(str(entry.count))}}" if entry.count > 1 else ""
                    name = f"{entry.file.stem}{number}{RESULT_ENDING}{suffix}"
                    dpi = event.metadata.get("dpi")
                    files.append(write_mask(free_path(target / name), labels == INK, dpi=dpi))
                    unlabelled = unlabelled or bool((labels == UNLABELLED).any())
        except Exception as error:
            _LOG.exception("a page was not exported")
            troubles.append(f"{order.entry.title}: {readable(error)}")
        yield Exported(done, len(orders), files[-1] if files else None)
    yield ExportEnd(tuple(files), tuple(troubles), unlabelled)
