"""Small collections of pairs, written like a user would have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docbin_napari.io.pairs import write_pair


def striped_page(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A page of 160 × 128 pixels with dark strokes of known place."""
    random = np.random.default_rng(seed)
    ink = np.zeros((160, 128), bool)
    for top in range(12, 150, 20):
        left = int(random.integers(5, 30))
        ink[top : top + 4, left : left + int(random.integers(40, 90))] = True
    paper = random.integers(200, 240, (160, 128, 1))
    gray = np.where(ink[..., None], random.integers(20, 70), paper)
    return np.repeat(gray, 3, axis=2).astype(np.uint8), ink


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two collections, ``letters`` (three pages) and ``post`` (one, half of it unlabelled)."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed in range(3):
        write_pair(folder / "letters", f"page{seed}", *striped_page(seed))
    pixels, ink = striped_page(9)
    labelled = np.ones_like(ink)
    labelled[80:] = False
    write_pair(folder / "post", "half", pixels, ink & labelled, labelled)
    return folder
