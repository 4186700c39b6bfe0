import numpy as np
import pytest

from docbin_napari.features.survey import PageSurvey, page_strips

PAPER = (230, 210, 180)


def page(height: int = 400, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), PAPER, np.uint8)


def write(pixels: np.ndarray, colour: tuple[int, int, int], tops: range) -> np.ndarray:
    for top in tops:
        pixels[top : top + 4, 20:-20] = colour
    return pixels


def colours(pixels: np.ndarray) -> list[float]:
    found = PageSurvey.of(pixels).ink
    assert found is not None
    return found.tolist()


def test_colours_of_ink_and_paper_are_found():
    assert colours(write(page(), (60, 40, 30), range(20, 380, 20))) == [60, 40, 30, *PAPER]


def test_pale_print_through_beside_ink_does_not_count():
    pixels = write(page(), (60, 40, 30), range(20, 60, 20))
    write(pixels, (160, 140, 120), range(80, 380, 20))
    assert colours(pixels)[:3] == [60, 40, 30]


def test_pale_writing_alone_is_the_ink():
    assert colours(write(page(), (160, 140, 120), range(20, 380, 20)))[:3] == [160, 140, 120]


def test_neither_stains_nor_the_background_of_a_scanner_are_ink():
    pixels = write(page(), (100, 80, 60), range(100, 380, 20))
    pixels[:60] = 5
    pixels[300:, :100] = (40, 30, 20)
    assert colours(pixels)[:3] == [100, 80, 60]


@pytest.mark.parametrize("noise", [0, 1])
def test_a_blank_page_has_no_ink(noise):
    random = np.random.default_rng(0)
    pixels = page().astype(int) + random.integers(-noise, noise + 1, (400, 300, 3))
    assert PageSurvey.of(pixels.astype(np.uint8)).ink is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (17, 31)])
def test_very_small_pages_can_be_looked_at(shape):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (*shape, 3), np.uint8)
    found = PageSurvey.of(pixels).ink
    assert found is None or (found.shape == (6,) and np.isfinite(found).all())


def test_turning_a_page_hardly_changes_its_ink():
    pixels = write(page(), (60, 40, 30), range(20, 380, 20))
    for turns in (1, 2, 3):
        np.testing.assert_allclose(colours(np.rot90(pixels, turns)), colours(pixels), atol=3)


def test_only_some_rows_of_a_large_page_are_read():
    class Rows:
        shape, dtype, read = (60_000, 200, 3), np.dtype(np.uint8), 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            Rows.read += rows.stop - rows.start
            return np.full((rows.stop - rows.start, 200, 3), 255, np.uint8)

    strips = page_strips(Rows())
    assert 0 < Rows.read < 15_000
    assert sum(strip.colours.size for strip in strips) < 1_000_000


def test_the_page_is_not_changed():
    pixels = write(page(), (60, 40, 30), range(20, 380, 20))
    before = pixels.copy()
    assert PageSurvey.of(pixels).ink is not None
    np.testing.assert_array_equal(pixels, before)
