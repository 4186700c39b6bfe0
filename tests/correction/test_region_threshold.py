"""A threshold for a region alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.region import cut_region, lasso


@given(st.integers(0, 10**6), st.integers(1, 256))
def test_only_labelled_pixels_of_the_region_follow(seed: int, level: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (20, 30)).astype(np.uint8)
    probability = random.integers(0, 256, (20, 30)).astype(np.uint8)
    region = lasso([(2, 3), (17, 5), (9, 27)], labels.shape)
    after = labels.copy()
    after[region.place] = cut_region(labels, probability, region, level)
    inside = np.zeros(labels.shape, bool)
    inside[region.place] = region.inside
    follows = inside & (labels < 2)
    assert np.array_equal(after[~follows], labels[~follows])
    assert np.array_equal(after[follows], probability[follows] >= level)
