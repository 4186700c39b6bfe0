"""Apply a threshold to one region of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.correction.region import Region


def cut_region(
    labels: NDArray[np.integer],
    probability: NDArray[np.uint8],
    region: Region,
    level: int,
) -> NDArray[np.integer]:
    """Cut the ink of a region at a level of its own.

    Parameters
    ----------
    labels : ndarray
        (H, W), the page before: 0 background, 1 ink, 2 unlabelled.
    probability : ndarray
        uint8 (H, W), ink probability times 255.
    region : Region
        What follows the level; what is unlabelled in it stays so.
    level : int
        Smallest probability that counts as ink, 1 to 255.

    Returns
    -------
    ndarray
        The new labels of the rectangle round the region, with the dtype of `labels`.
    """
    before = labels[region.place]
    after = before.copy()
    follows = region.inside & (before <= 1)
    after[follows] = (probability[region.place] >= level)[follows]
    return after
