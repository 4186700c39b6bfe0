"""Parts of pages are found wherever a page was cut, and other pages are not taken for parts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from docbin_napari.pairs.overlap import fingerprint, shared_parts

PAGE = np.random.default_rng(3).integers(0, 256, (700, 900), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 400), st.integers(0, 500))
def test_a_part_is_found_wherever_it_was_cut(top: int, left: int) -> None:
    part = PAGE[top : top + 250, left : left + 350]
    assert shared_parts([fingerprint(PAGE), fingerprint(part)]) == {(0, 1): 1.0}


def test_halves_that_overlap_share_what_overlaps() -> None:
    found = shared_parts([fingerprint(PAGE[:, :600]), fingerprint(PAGE[:, 300:])])
    assert 0.4 < found[0, 1] < 0.6
    assert shared_parts([fingerprint(PAGE[:, :500]), fingerprint(PAGE[:, 450:])]) == {}


def test_other_pages_and_pages_without_writing_share_nothing() -> None:
    other = np.random.default_rng(4).integers(0, 256, PAGE.shape, dtype=np.uint8)
    empty = [np.full((300, 300), 240, np.uint8), np.zeros((5, 400), np.uint8)]
    prints = [fingerprint(page) for page in (PAGE, other, *empty, *empty, PAGE[::-1])]
    assert shared_parts(prints) == {}
    assert shared_parts([]) == {}


def test_the_same_letters_in_other_places_make_no_part() -> None:
    letters = np.random.default_rng(5).integers(0, 256, (200, 40, 40), dtype=np.uint8)

    def text(seed: int) -> np.ndarray:
        order = np.random.default_rng(seed).permutation(200)[:180].reshape(12, 15)
        return np.block([[letters[one] for one in line] for line in order])

    assert shared_parts([fingerprint(text(1)), fingerprint(text(2))]) == {}
    assert shared_parts([fingerprint(text(1)), fingerprint(text(1)[100:300])]) == {(0, 1): 1.0}
