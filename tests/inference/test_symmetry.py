import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from docbin_napari.inference.predict import SYMMETRY_SETS, turn, turn_back

arrays = stnp.arrays(np.int32, stnp.array_shapes(min_dims=3, max_dims=4, max_side=7))


@given(arrays, st.sampled_from(range(8)))
def test_turn_and_turn_back_is_identity(array, symmetry):
    assert np.array_equal(turn_back(turn(array, symmetry), symmetry), array)


def test_the_eight_symmetries_all_differ():
    square = np.arange(9).reshape(1, 3, 3)
    turned = [turn(square, symmetry) for symmetry in SYMMETRY_SETS[8]]
    for one, other in itertools.combinations(turned, 2):
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_each_set_has_its_number_and_is_a_group(count):
    square = np.arange(9).reshape(1, 3, 3)
    members = [turn(square, symmetry) for symmetry in SYMMETRY_SETS[count]]
    assert len(members) == count
    for first, second in itertools.product(SYMMETRY_SETS[count], repeat=2):
        both = turn(turn(square, first), second)
        assert any(np.array_equal(both, member) for member in members)
