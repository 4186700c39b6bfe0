import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from docbin_napari.batch.binarizer import InkCollector, PackedPage


def packed(array):
    page = PackedPage(array.shape[1], array.dtype)
    page.append(array)
    return page


pages = arrays(
    st.sampled_from([np.bool_, np.uint8]), array_shapes(min_dims=2, max_dims=2, max_side=20)
)


@given(pages, st.data())
def test_rows_come_out_as_they_went_in(original, data):
    page = PackedPage(original.shape[1], original.dtype)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(original)), max_size=4)))
    for top, bottom in zip([0, *cuts], [*cuts, len(original)], strict=True):
        page.append(original[top:bottom])
    assert page.shape == original.shape
    assert page.dtype == original.dtype
    start, stop = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 25))
    np.testing.assert_array_equal(page[start:stop], original[start:stop])


def test_a_turned_page():
    page = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(packed(page.T)[:], page.T)


def test_a_mask_waits_in_a_fraction_of_its_size():
    ink = np.zeros((1000, 1000), dtype=bool)
    ink[::40, 100:900] = True
    assert sum(map(len, packed(ink)._bands)) < ink.size / 100


@pytest.mark.parametrize("keep", [True, False])
def test_probability_is_compared_when_a_band_is_complete(keep):
    probability = np.arange(48, dtype=np.uint8).reshape(6, 8)
    collector = InkCollector((6, 8), 20, keep_probability=keep)
    for rows in (slice(0, 2), slice(2, 5), slice(5, 6)):
        for columns in (slice(0, 3), slice(3, 8)):
            collector[rows, columns] = probability[rows, columns]
    np.testing.assert_array_equal(collector.ink[:], probability >= 20)
    if keep:
        np.testing.assert_array_equal(collector.probability[:], probability)
    else:
        assert collector.probability is None
