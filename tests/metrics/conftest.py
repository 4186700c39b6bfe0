import numpy as np
import pytest
from numpy.typing import NDArray


def _draw(rows: str) -> NDArray[np.bool_]:
    """Turn a picture of ``#`` (ink) and ``.`` (background) into a bool array."""
    return np.array([[cell == "#" for cell in row] for row in rows.split()])


@pytest.fixture
def draw():
    return _draw


@pytest.fixture
def one_stroke() -> NDArray[np.bool_]:
    """A bar three pixels thick."""
    ink = np.zeros((16, 24), dtype=bool)
    ink[6:9, 3:21] = True
    return ink


@pytest.fixture
def no_ink() -> NDArray[np.bool_]:
    return np.zeros((16, 24), dtype=bool)
