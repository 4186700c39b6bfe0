"""Classical thresholds for comparison: Otsu for the page, Sauvola for each pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.rgb import luma


def otsu(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Binarize with one threshold for the whole page, by the method of Otsu.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        The page, RGB.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Ink. A page of one single gray has none.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", 1979,
       doi:10.1109/TSMC.1979.4310076

    Examples
    --------
    >>> page = np.full((4, 4, 3), 230, dtype=np.uint8)
    >>> page[1, 2] = 40
    >>> np.argwhere(otsu(page))
    array([[1, 2]])
    """
    gray = luma(pixels)
    if gray.min() == gray.max():
        return np.zeros(gray.shape, dtype=bool)
    from skimage.filters import threshold_otsu

    threshold = threshold_otsu(gray)  # type: ignore[no-untyped-call]
    ink: NDArray[np.bool_] = gray <= threshold
    return ink


def sauvola(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Binarize with a threshold from the surroundings of each pixel, by Sauvola and Pietikäinen.

    The threshold is ``m (1 + k (s / R - 1))`` with the mean m and the standard deviation s of
    the gray values in a square window of 25 pixels about the pixel, k = 0.2, and R half the gray
    range. A window that is larger than the page sees the page mirrored.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        The page, RGB.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Ink.

    References
    ----------
    .. [1] J. Sauvola, M. Pietikäinen, "Adaptive document image binarization", 2000,
       doi:10.1016/S0031-3203(99)00055-2

    Examples
    --------
    >>> page = np.full((40, 40, 3), 230, dtype=np.uint8)
    >>> page[10:30, 20] = 40
    >>> int(sauvola(page).sum())
    20
    """
    from skimage.filters import threshold_sauvola

    gray = luma(pixels)
    thresholds = threshold_sauvola(gray, window_size=25, k=0.2)  # type: ignore[no-untyped-call]
    ink: NDArray[np.bool_] = gray < thresholds
    return ink


BASELINES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.bool_]]] = {
    "otsu": otsu,
    "sauvola": sauvola,
}
"""The baselines by the name that the command line knows them by."""
