"""Which windows of a page somebody labels, and pages of which only those are labelled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from docbin_napari.correction.reviewed import WINDOW, doubt_grid, grid_shape
from docbin_napari.pairs.pair import Pair, read_pair, write_pair

Window = tuple[int, int]


def at_random(shape: tuple[int, int], share: float, random: np.random.Generator) -> list[Window]:
    """Some windows of a page.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page, pixels.
    share : float
        How many of them, 0 to 1; at least one is taken.
    random : numpy.random.Generator
        Chooses.

    Returns
    -------
    list of (int, int)
        Rows and columns in the grid of `docbin_napari.correction.reviewed`.

    Examples
    --------
    >>> len(at_random((1024, 1024), 0.25, np.random.default_rng(0)))
    4
    """
    every = list(np.ndindex(*grid_shape(shape)))
    chosen = random.permutation(len(every))[: max(1, round(share * len(every)))]
    return [every[index] for index in sorted(chosen)]


def from_the_top(grid: tuple[int, ...]) -> list[Window]:
    """All windows of a grid in reading order.

    Examples
    --------
    >>> from_the_top((2, 2))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    rows, columns = grid
    return list(np.ndindex(rows, columns))


def window_doubts(probability: np.ndarray) -> np.ndarray:
    """How much the network doubts in each window.

    Parameters
    ----------
    probability : ndarray
        float32 (H, W), ink probability.

    Returns
    -------
    ndarray
        float64 (rows of windows, columns of windows).
    """
    return doubt_grid(np.round(probability * 255).astype(np.uint8))


def labelled_pixels(shape: tuple[int, int], windows: Iterable[Window]) -> np.ndarray:
    """True in the windows that are labelled.

    Examples
    --------
    >>> int(labelled_pixels((256, 300), [(0, 1)]).sum())
    11264
    """
    labelled = np.zeros(shape, bool)
    for row, column in windows:
        rows = slice(row * WINDOW, (row + 1) * WINDOW)
        labelled[rows, column * WINDOW : (column + 1) * WINDOW] = True
    return labelled


def write_partly_labelled(folder: Path, pair: Pair, windows: Iterable[Window]) -> Pair:
    """Write a pair anew, labelled in some windows only.

    Parameters
    ----------
    folder : Path
        Folder of the new collection.
    pair : Pair
        The whole one.
    windows : iterable of (int, int)
        What is labelled.

    Returns
    -------
    Pair
        The new one.
    """
    pixels, truth = read_pair(pair)
    labelled = labelled_pixels(truth.ink.shape, windows) & truth.labelled
    return write_pair(folder, pair.name, pixels, truth.ink & labelled, labelled)
