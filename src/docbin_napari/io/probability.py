"""Write ink probability as gray pictures, in which ink is bright."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.encode import write_pages
from docbin_napari.io.rgb import row_bands
from docbin_napari.io.row_source import one_or_many

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from docbin_napari.io.encode import Dpi
    from docbin_napari.io.row_source import RowSource


def level_of(threshold: float) -> int:
    """Give the lowest probability in 8 bits that is ink.

    Parameters
    ----------
    threshold : float
        Probability from which a pixel is ink, 0 to 1.

    Returns
    -------
    int
        0 to 255.

    Examples
    --------
    >>> level_of(0.0), level_of(0.5), level_of(1.0)
    (0, 128, 255)
    """
    # Rounding keeps 0.2 * 255 = 51.00000000000001 from becoming 52.
    return math.ceil(round(threshold * 255, 6))


def write_probability(
    path: str | os.PathLike[str],
    probability: RowSource | Iterable[RowSource],
    *,
    dpi: Dpi | Sequence[Dpi] = None,
) -> Path:
    """Write ink probability as 8-bit gray: 255 is certainly ink, 0 certainly not.

    Not a picture of the page: ink is bright here. PNG, or TIFF with deflate.

    Parameters
    ----------
    path : path-like
        ``.png``, or ``.tif`` and ``.tiff`` for any number of pages.
    probability : ndarray, float 0..1 or uint8 0..255, shape (H, W), or an iterable
        Ink probability, one array a page.
    dpi : (float, float), optional
        Resolution x and y in dots per inch, or a sequence of one pair a page.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MaskError
        If the file cannot be written, as for `write_mask`.
    ValueError
        If an array is neither float within 0..1 nor uint8, or not two-dimensional.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from docbin_napari.io.page import read_pages
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_probability(Path(folder) / "page.png", np.array([[0.0, 0.2, 1.0]]))
    ...     next(read_pages(path)).pixels[0, :, 0]
    array([  0,  51, 255], dtype=uint8)
    """
    pages = (_checked_probability(page) for page in one_or_many(probability))
    return write_pages(Path(path), pages, dpi, convert=_eight_bit)


def _checked_probability(page: RowSource) -> RowSource:
    kind = f"{page.dtype} {tuple(page.shape)}"
    if len(page.shape) != 2 or 0 in page.shape:
        raise ValueError(f"probability must have the shape (H, W), not {kind}")
    if page.dtype != np.uint8 and page.dtype.kind != "f":
        raise ValueError(f"probability must be float or uint8, not {kind}")
    return page


def _eight_bit(probability: NDArray[Any]) -> NDArray[np.uint8]:
    if probability.dtype == np.uint8:
        return probability
    out = np.empty(probability.shape, np.uint8)
    for rows in row_bands(*probability.shape[:2]):
        band = probability[rows]
        if not ((band >= 0) & (band <= 1)).all():
            raise ValueError("probability must lie between 0 and 1")
        out[rows] = np.rint(band * 255)
    return out
