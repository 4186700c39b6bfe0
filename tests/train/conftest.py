"""Small collections of pairs, written like a user would have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.io.pairs import write_pair


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What tests draw once is kept in a folder of their own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCBIN_CACHE", str(folder))
        yield folder


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


def bars(seed, dark):
    """A page of 256 x 192 pixels: bars of ink, of the given level, on darker or lighter paper."""
    random = np.random.default_rng(seed)
    ink = np.zeros((256, 192), bool)
    for top in range(10, 245, 18):
        left = int(random.integers(5, 40))
        ink[top : top + 5, left : left + int(random.integers(70, 140))] = True
    level, paper = (40, 220) if dark else (140, 190)
    gray = np.where(ink, level, paper) + random.normal(0, 6, ink.shape)
    return np.repeat(gray[..., None].clip(0, 255), 3, axis=2).astype(np.uint8), ink


@pytest.fixture(scope="session")
def two_archives(tmp_path_factory):
    """Dark pages that the base is trained on, and pale ones of another archive."""
    place = tmp_path_factory.mktemp("pairs")
    for seed in range(2):
        write_pair(place / "dark", f"page{seed}", *bars(seed, dark=True))
        write_pair(place / "pale", f"page{seed}", *bars(seed + 5, dark=False))
    return place


@pytest.fixture(scope="session")
def dark_model(two_archives, tmp_path_factory):
    """A tiny model that reads dark pages."""
    from docbin_napari.train.config import TrainConfig
    from docbin_napari.train.loop import train

    output = tmp_path_factory.mktemp("base") / "base.safetensors"
    settings = TrainConfig(
        (two_archives / "dark",), (two_archives / "dark",), str(output), steps=40, batch=4,
        window=64, learning_rate=1e-2, channels=(8, 8), average=0.8, run=output.parent / "run",
        device="cpu",
    )  # fmt: skip
    list(train(settings))
    return output


@pytest.fixture
def few_steps(two_archives, dark_model, tmp_path):
    """Twelve steps on the pale pages."""
    from docbin_napari.train.finetune_config import FinetuneConfig

    return FinetuneConfig(
        collections=(two_archives / "pale",),
        output=str(tmp_path / "mine.safetensors"),
        start=str(dark_model),
        minutes=0,
        steps=12,
        batch=2,
        window=64,
        learning_rate=5e-3,
        average=0.5,
        replay=0.0,
        validations=3,
        device="cpu",
    )


@pytest.fixture
def pale_page():
    """A page that the dark model reads badly, and its ink."""
    return bars(3, dark=False)
