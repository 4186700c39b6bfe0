"""The pages in datasets/ keep the conventions that their README states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docbin_napari.pairs.pair import find_pairs, read_pair

DATASETS = Path(__file__).parents[2] / "datasets"

pytestmark = pytest.mark.skipif(not DATASETS.is_dir(), reason="datasets/ is not part of the sdist")


def test_there_are_twelve_pages_to_train_and_four_to_test():
    assert len(find_pairs(DATASETS / "train")) == 12
    assert len(find_pairs(DATASETS / "test")) == 4


def test_no_page_is_in_both():
    train, test = ({pair.name for pair in find_pairs(DATASETS / d)} for d in ("train", "test"))
    assert not train & test


@pytest.mark.parametrize("part", ["train", "test"])
def test_ink_is_darker_than_the_paper_around_it(part):
    for pair in find_pairs(DATASETS / part):
        pixels, truth = read_pair(pair)
        light = pixels.mean(axis=2)
        near = np.zeros_like(truth.ink)
        near[6:-6, 6:-6] = truth.ink[12:, 6:-6] | truth.ink[:-12, 6:-6]
        assert truth.labelled.all()
        assert light[truth.ink].mean() < light[near & ~truth.ink].mean() - 10, pair.name
