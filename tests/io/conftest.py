"""A page whose pixels all differ a little, so that any turn, shift or swap shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def gray_ramp(ramp: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray page of the same size, darker at the upper left."""
    return ramp[..., 2].copy()


@pytest.fixture
def black_corner() -> NDArray[np.bool_]:
    """Paper (True is white) with a black rectangle in the upper left corner; odd width."""
    paper = np.ones((21, 37), dtype=bool)
    paper[:7, :11] = False
    return paper
