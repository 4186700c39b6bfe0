"""Write ink labels as 1-bit PNG or CCITT G4 TIFF with their resolution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.mask import MaskError, write_ground_truth, write_mask
from docbin_napari.plugin.layers.ink_result import INK, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Resolution = tuple[float, float] | None


def write_ink(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Save labels as black ink on white paper.

    A stack becomes one TIFF of many pages, or numbered PNG files (``page_01.png``…).
    Unlabelled pixels are kept, as gray 128 in an 8-bit PNG; a 1-bit TIFF has no place for
    them and is refused.

    Parameters
    ----------
    path : str
        ``.png``, ``.tif`` or ``.tiff``.
    data : array_like
        Labels (H, W) or (pages, H, W): 0 background, 1 ink, 2 unlabelled; the list of
        levels of a multiscale layer.
    meta : dict
        Attributes of the layer. ``meta["metadata"]["dpi"]`` is (x, y), a list of one for
        each page, or None.

    Returns
    -------
    list of str
        The files.

    Raises
    ------
    MaskError
        If the labels are not those of ink, or the file cannot be written.
    """
    target = Path(path)
    pages = _pages(target, data[0] if meta.get("multiscale") else data)
    resolutions = resolutions_of(meta.get("metadata", {}).get("dpi"), len(pages))
    unlabelled = any(bool((page == UNLABELLED).any()) for page in pages)
    if target.suffix.lower() == ".png":
        return _write_png(target, pages, resolutions)
    if unlabelled:
        raise MaskError(target, "a 1-bit TIFF has no place for unlabelled pixels; save as PNG")
    return [str(write_mask(target, (page == INK for page in pages), dpi=resolutions))]


def _pages(target: Path, data: Any) -> Sequence[NDArray[Any]]:
    labels = np.asarray(data)
    if labels.ndim not in (2, 3) or 0 in labels.shape:
        raise MaskError(target, f"labels of shape {labels.shape} are no page and no stack of pages")
    if labels.min() < 0 or labels.max() > UNLABELLED:
        # Somebody's cells or regions: saving them as ink would lose what they are.
        raise MaskError(
            target,
            "only ink can be saved in this format (0 background, 1 ink, 2 unlabelled), but these "
            f"labels go from {labels.min()} to {labels.max()}; choose another format",
        )
    return [labels] if labels.ndim == 2 else list(labels)


def resolutions_of(dpi: Any, count: int) -> list[Resolution]:
    """Read the resolution of each page from the metadata of a layer.

    Parameters
    ----------
    dpi : tuple, list or None
        (x, y) of all pages, or a list of one for each.
    count : int
        Number of pages.

    Returns
    -------
    list
        (x, y) or None, one a page.
    """
    if isinstance(dpi, list) and len(dpi) == count:
        return dpi
    single = isinstance(dpi, (tuple, list)) and len(dpi) == 2
    return [(float(dpi[0]), float(dpi[1])) if single else None] * count


def _write_png(
    target: Path, pages: Sequence[NDArray[Any]], resolutions: list[Resolution]
) -> list[str]:
    digits = len(str(len(pages)))
    written = []
    for number, (page, dpi) in enumerate(zip(pages, resolutions, strict=True), start=1):
        place = target
        if len(pages) > 1:
            place = target.with_name(f"{target.stem}_{number:0{digits}}{target.suffix}")
        written.append(write_ground_truth(place, page == INK, page != UNLABELLED, dpi=dpi))
    return [str(path) for path in written]
