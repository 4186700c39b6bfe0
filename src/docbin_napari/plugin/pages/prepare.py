"""Read a page of the work list and find its ink, in a thread."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.inference.inference_config import preset
from docbin_napari.io.errors import DraftError, FileError
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.paths import modified
from docbin_napari.pairs import drafts
from docbin_napari.pairs.drafts import PageKey
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.pairs.save import pair_of, same_pixels
from docbin_napari.pairs.work_list import read_listed
from docbin_napari.plugin.layers.ink_result import InkResult
from docbin_napari.plugin.layers.page_record import DRAFT, LOOKED, with_model
from docbin_napari.plugin.reader import labels_of_pair
from docbin_napari.plugin.settings import draft_places
from docbin_napari.plugin.threads import Failed, logged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.inference.inference_config import PresetName
    from docbin_napari.inference.predict import Progress
    from docbin_napari.io.page import Page
    from docbin_napari.pairs.work_list import Entry
    from docbin_napari.plugin.threads import Loader


@dataclass(frozen=True)
class PageOrder:
    """A page that is to be made ready.

    Parameters
    ----------
    number : int
        Place in the list, from 0.
    entry : Entry
        The page.
    preset, model, device : str
        How it is binarized.
    threshold : float
        Probability from which a pixel is ink, 0 to 1.
    datasets : Path or None
        The data sets, beside which drafts lie.
    pdf_dpi : int
        Resolution at which PDF pages are drawn, dots per inch.
    stamp : str
        Checksum of the model's file: another network may have got its name.
    """

    number: int
    entry: Entry
    preset: PresetName
    model: str
    device: str
    threshold: float
    datasets: Path | None = None
    pdf_dpi: int = 300
    stamp: str = ""

    @property
    def how(self) -> str:
        """Model and preset in words."""
        return f"{self.model}, {self.preset}"

    @property
    def task(self) -> tuple[int, Path, str]:
        """What tells this order from others: place in the list, file, model and preset."""
        return self.number, self.entry.file, f"{self.how}, {self.stamp}"


@dataclass(frozen=True, eq=False)
class PageReady:
    """The labels of a page are there.

    Parameters
    ----------
    labels : ndarray
        uint8 (H, W); those of `result` if there is one.
    result : InkResult or None
        What a run has found; None for labels of a pair.
    metadata : dict
        For the labels layer.
    note : str
        What the user should know.
    corrected : ndarray or None
        Labels of a draft (H, W), to be written over `labels` in a step that can be undone.
    """

    labels: NDArray[np.uint8]
    result: InkResult | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    corrected: NDArray[np.uint8] | None = None


def make_ready(order: PageOrder, load: Loader) -> Iterator[Page | Progress | PageReady | Failed]:
    """Read a page and find its labels: those of its pair, kept ones, or those of a run.

    Parameters
    ----------
    order : PageOrder
        The page.
    load : callable
        Makes the engine.

    Yields
    ------
    Page, Progress, PageReady or Failed
        The pixels, how far the run is, and `PageReady` or `Failed` as the last one; nothing is
        raised, see `threads.run`.
    """
    try:
        page = read_listed(order.entry, order.pdf_dpi)
        yield page
        remarks = [f"{remark[:1].upper()}{remark[1:]}." for remark in page.remarks]
        for event in _labels(order, page, load):
            if isinstance(event, PageReady):
                yield replace(event, note=" ".join([*remarks, event.note]).strip())
            else:
                yield event
    except FileError as error:
        own = error.path == order.entry.file  # Its folder would hide the reason in a narrow panel.
        yield Failed(f"{order.entry.title}: {error.reason}" if own else str(error))
    except Exception as error:
        trouble = logged(error, "a page of the list was not made ready")
        yield Failed(f"{order.entry.title}: {trouble}")


def _labels(order: PageOrder, page: Page, load: Loader) -> Iterator[Progress | PageReady]:
    source = str(order.entry.file.resolve())
    key = PageKey(drafts.content_of(page.pixels), source, order.entry.page)
    base: dict[str, Any] = {"dpi": page.dpi, "source": source, "page": order.entry.page}
    folders = draft_places(order.datasets)
    result = InkResult(page.pixels.shape[:2], order.threshold)
    known = _fill_with_known(result, folders, key, order)
    if of_pair := _of_pair(order, page, key.content, base):
        draft = next(iter(drafts.find_drafts(folders, key)), None)
        if known:
            result.labels[:] = of_pair.labels
            of_pair = replace(of_pair, labels=result.labels, result=result)
        # A draft older than the pair was left before that was saved: it is only offered.
        yield _with_draft(of_pair, draft if _is_newer(draft, order.entry.pair) else None)
        return
    if not known:
        yield from _run(order, page, result, load)
        for folder in folders:  # If none takes it, it is found again next time.
            with suppress(DraftError):
                drafts.keep_ink(folder, key, result.probability, order.how, order.stamp)
                break
    metadata = base | {"model": order.model, "preset": order.preset}
    inked = PageReady(result.labels, result, metadata)
    yield _with_draft(inked, next(iter(drafts.find_drafts(folders, key)), None))


def _run(order: PageOrder, page: Page, result: InkResult, load: Loader) -> Iterator[Progress]:
    """Binarize; the labels are not shown yet, so this thread may write them."""
    engine, plane = load(order.model, order.device), result.probability_plane(0)
    config, file = preset(order.preset), order.entry.file
    for progress in engine.predict(page.pixels, config, plane, file=file):
        if progress.rows.stop > progress.rows.start:
            result.write(0, progress.rows, progress.columns)
        yield progress


def _fill_with_known(
    result: InkResult, folders: list[Path], key: PageKey, order: PageOrder
) -> bool:
    """Fill a result with what was kept of an earlier run, if there is something."""
    for folder in folders:
        probability = drafts.kept_ink(folder, key, order.how, order.stamp)
        if probability is not None and probability.shape == result.shape:
            result.probability[:] = probability
            result.write(0, slice(0, result.shape[0]), slice(0, result.shape[1]))
            return True
    return False


def _of_pair(order: PageOrder, page: Page, content: str, base: dict[str, Any]) -> PageReady | None:
    """Read the labels of the pair that the page was saved as, if it is still of this page."""
    pair = pair_of(order.entry.pair)
    if pair is None:
        return None
    try:
        labels, own = labels_of_pair(pair, read_ground_truth(pair.ground_truth))
        origin = read_provenance(pair.ground_truth)
    except FileError:
        return None
    known = origin is not None and origin.content == content
    if labels.shape != page.pixels.shape[:2] or not (known or same_pixels(pair.page, page.pixels)):
        return None  # Another scan has got the name of the one that was saved.
    metadata = base | {key: [value] for key, value in own.items()}
    return PageReady(labels, None, metadata, f"As saved in {pair.collection}.")


def _with_draft(inked: PageReady, path: Path | None) -> PageReady:
    """Add corrections that are not saved yet to the labels of a pair or of a run."""
    if path is None:
        return inked
    try:
        draft = drafts.read_draft(path)
    except DraftError as error:
        return replace(inked, note=f"A draft is lost: {error}")
    if draft.labels.shape != inked.labels.shape:
        return inked
    # The ink of another run may have been corrected, or none: so it is saved.
    metadata = with_model(inked.metadata, draft.model)
    metadata |= {DRAFT: str(path), LOOKED: [draft.reviewed]}
    note = "Your corrections that were not saved yet are on the page. Ctrl+Z takes them away."
    return replace(inked, metadata=metadata, note=note, corrected=draft.labels)


def _is_newer(draft: Path | None, pair: str | None) -> bool:
    """Whether a draft was written after the mask of a pair."""
    saved = pair_of(pair)
    if draft is None or saved is None:
        return False
    return 0 < modified(saved.ground_truth) <= modified(draft)
