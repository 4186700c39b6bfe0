import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from docbin_napari.inference.page_stack import PageStack

pages = arrays(
    st.sampled_from([np.bool_, np.uint8]), array_shapes(min_dims=2, max_dims=2, max_side=20)
)


@given(st.lists(pages, max_size=4))
def test_pages_come_out_as_they_went_in(originals):
    stack = PageStack()
    for page in originals:
        stack.append(page)
    assert len(stack) == len(originals)
    for page, original in zip(stack, originals, strict=True):
        assert page.dtype == original.dtype
        np.testing.assert_array_equal(page, original)


def test_a_part_of_the_stack():
    stack = PageStack()
    for value in range(3):
        stack.append(np.full((2, 2), value, np.uint8))
    assert [page[0, 0] for page in stack[1:]] == [1, 2]
    assert stack[-1][0, 0] == 2


def test_a_turned_page():
    stack = PageStack()
    page = np.arange(12, dtype=np.uint8).reshape(3, 4)
    stack.append(page.T)
    np.testing.assert_array_equal(stack[0], page.T)


def test_a_mask_waits_in_a_fraction_of_its_size():
    stack = PageStack()
    ink = np.zeros((1000, 1000), dtype=bool)
    ink[100:110] = True
    stack.append(ink)
    assert sum(len(packed) for packed, _, _ in stack._packed) < ink.size / 100
