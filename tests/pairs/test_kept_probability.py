import numpy as np
import pytest

from docbin_napari.pairs.drafts import PageKey, keep_ink, kept_ink, write_planes

KEY = PageKey("0" * 24, "page.tif", 2)


def test_what_a_model_found_comes_back(tmp_path) -> None:
    probability = np.arange(200, dtype=np.uint8).reshape(10, 20)
    keep_ink(tmp_path, KEY, probability, "general-1, fast")
    again = kept_ink(tmp_path, KEY, "general-1, fast")
    assert np.array_equal(again, probability)
    assert kept_ink(tmp_path, PageKey("0" * 24, "page.tif", 3), "general-1, fast") is None


def test_what_two_models_found_is_kept_side_by_side(tmp_path) -> None:
    for value, how in ((3, "a, fast"), (7, "b, fast")):
        keep_ink(tmp_path, KEY, np.full((4, 5), value, np.uint8), how)
    assert kept_ink(tmp_path, KEY, "a, fast").max() == 3
    assert kept_ink(tmp_path, KEY, "b, fast").max() == 7
    assert kept_ink(tmp_path, KEY, "b, best") is None


@pytest.mark.parametrize("header", [{}, {"how": "y"}])
def test_a_damaged_file_means_another_run(tmp_path, header) -> None:
    path = keep_ink(tmp_path, KEY, np.zeros((3, 3), np.uint8), "x")
    write_planes(path, header, {"probability": np.zeros((3, 3), np.uint8)})
    assert kept_ink(tmp_path, KEY, "x") is None
    path.write_bytes(b"")
    assert kept_ink(tmp_path, KEY, "x") is None


def test_values_of_another_kind_are_no_probability(tmp_path) -> None:
    path = keep_ink(tmp_path, KEY, np.zeros((3, 3), np.uint8), "x")
    write_planes(path, {"how": "x"}, {"probability": np.zeros((3, 3))})
    assert kept_ink(tmp_path, KEY, "x") is None
