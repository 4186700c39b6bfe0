from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import write_mask


@pytest.fixture
def draw_page():
    """Write a page with a dark stroke on light paper; returns its ink."""

    def draw(path: Path, row: int = 5) -> np.ndarray:
        path.parent.mkdir(parents=True, exist_ok=True)
        ink = np.zeros((24, 32), dtype=bool)
        ink[row : row + 3, 4:28] = True
        Image.fromarray(np.where(ink, 20, 235).astype(np.uint8)).save(path, dpi=(300, 300))
        return ink

    return draw


@pytest.fixture
def collection(tmp_path, draw_page):
    """Two pages with their ground truth, and predictions of which the second lacks a row."""
    folder = tmp_path / "letters"
    for row, name in enumerate(("a", "b"), start=4):
        ink = draw_page(folder / f"{name}.png", row)
        write_mask(folder / "fg_mask" / f"{name}.png", ink)
        if name == "b":
            ink[row] = False
        write_mask(folder / "auto_bin" / f"{name}.png", ink)
    return folder
