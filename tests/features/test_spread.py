"""Largest and smallest values near each pixel, against scipy's filters."""

import numpy as np
import pytest
from scipy import ndimage

from docbin_napari.features.survey import spread


@pytest.mark.parametrize("shape", [(40, 50), (5, 70), (1, 1), (17, 1)])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("axes", [(0, 1), (1,)])
def test_it_is_a_filter_of_sixteen_pixels(shape, backwards, axes):
    values = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    size = tuple(16 if axis in axes else 1 for axis in (0, 1))
    # scipy centres a window of 16 on its ninth pixel.
    origin = tuple((7 if backwards else -8) * (axis in axes) for axis in (0, 1))
    for operation, name, nothing in (
        (np.maximum, "maximum_filter", 0),
        (np.minimum, "minimum_filter", 255),
    ):
        expected = getattr(ndimage, name)(
            values, size, mode="constant", cval=nothing, origin=origin
        )
        assert np.array_equal(spread(values, operation, axes=axes, backwards=backwards), expected)
