from hypothesis import given
from hypothesis import strategies as st

from pareto import frontier

FIGURES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


def is_beaten(point, other):
    return other != point and other[0] >= point[0] and other[1] >= point[1]


@given(FIGURES)
def test_exactly_the_points_that_no_other_beats(points):
    chosen = [points[index] for index in frontier(points)]
    assert set(chosen) == {p for p in points if not any(is_beaten(p, other) for other in points)}


@given(FIGURES)
def test_from_fast_to_good_and_none_twice(points):
    chosen = [points[index] for index in frontier(points)]
    assert chosen == sorted(set(chosen), key=lambda point: -point[0])
    assert [good for _, good in chosen] == sorted({good for _, good in chosen})
