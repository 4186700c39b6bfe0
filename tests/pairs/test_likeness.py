"""Generated pages of one archive, and the same pages scanned, cut and packed otherwise."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from docbin_napari.drawing.generator import draw_page
from docbin_napari.io.encode import jpeg_round_trip
from docbin_napari.io.page import read_pages
from docbin_napari.pairs.mask_trouble import lightness
from docbin_napari.pairs.overlap import SAME_PAGE, likeness_to, thumbnail


def small(pixels):
    return thumbnail(lightness(pixels))


@pytest.fixture(scope="module")
def archive():
    """Three pages of one archive: the same hand, paper and layout."""
    return [draw_page(seed, 700, 540, "letters").pixels for seed in range(3)]


def scaled(pixels, factor):
    height, width = pixels.shape[:2]
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def cut(pixels, top, left, bottom, right):
    height, width = pixels.shape[:2]
    return pixels[
        int(top * height) : int((1 - bottom) * height), int(left * width) : int((1 - right) * width)
    ]


@pytest.mark.parametrize(
    "again",
    [
        lambda page: page.copy(),
        lambda page: jpeg_round_trip(page, 25),
        lambda page: scaled(page, 0.5),
        lambda page: scaled(page, 1.7),
        lambda page: jpeg_round_trip(scaled(page, 0.4), 50),
        lambda page: cut(page, 0.03, 0.03, 0.03, 0.03),
        lambda page: cut(page, 0.0, 0.06, 0.0, 0.0),
        lambda page: scaled(cut(page, 0.05, 0.0, 0.02, 0.02), 0.7),
        lambda page: (page * 0.6 + 70).astype(np.uint8),
    ],
    ids=["same", "jpeg", "half", "larger", "small", "cut", "cut_left", "cut_and_small", "paler"],
)
def test_the_same_page_again(archive, again):
    for page in archive:
        assert likeness_to(small(page))(small(again(page))) >= SAME_PAGE + 0.05


def test_other_pages_of_the_archive(archive):
    for one, other in combinations(archive, 2):
        assert likeness_to(small(one))(small(other)) < SAME_PAGE - 0.05


def test_pages_of_the_data_sets_are_all_different(project_root):
    paths = sorted((project_root / "datasets").glob("t*/*/*.jpg"))
    pages = [small(next(read_pages(path)).pixels) for path in paths]
    if not pages:
        pytest.skip("the data sets are not here")
    for index, page in enumerate(pages):
        compare = likeness_to(page)
        assert all(compare(other) < SAME_PAGE for other in pages[:index])


def test_a_stroke_elsewhere_is_another_page():
    """However alike in themselves, two strokes far from each other are not one page."""
    pages = []
    for row in (60, 300):
        page = np.full((400, 300, 3), 235, np.uint8)
        page[row : row + 12, 60:240] = 20
        pages.append(small(page))
    assert likeness_to(pages[0])(pages[0]) > 0.95
    assert likeness_to(pages[0])(pages[1]) < 0.3


def test_other_words_on_the_same_lines_are_another_page():
    """As typewriters write: each page has its lines, and each line its letters, at one place."""
    pages = []
    for seed in range(3):
        words = np.random.default_rng(seed).random((30, 1, 60, 1)) > 0.15
        page = np.zeros((30, 48, 60, 18), bool)
        page[:, 18:30, :, 2:16] = words
        gray = np.where(page.reshape(30 * 48, 60 * 18), 60, 235).astype(np.uint8)
        pages.append(np.pad(np.dstack([gray] * 3), ((60, 60), (70, 70), (0, 0)), mode="edge"))
    for one, other in combinations(pages, 2):
        assert likeness_to(small(one))(small(other)) < SAME_PAGE - 0.1
    assert likeness_to(small(pages[0]))(small(jpeg_round_trip(scaled(pages[0], 0.4), 50))) > 0.7


def test_the_dark_frame_of_a_scanner_does_not_make_pages_the_same(archive):
    framed = []
    for page in archive[:2]:
        scan = np.full((760, 600, 3), 5, np.uint8)
        scan[30:730, 30:570] = (page * 0.1 + 225).astype(np.uint8)
        framed.append(scan)
    compare = likeness_to(small(framed[0]))
    assert compare(small(framed[1])) < SAME_PAGE - 0.1
    assert compare(small(scaled(framed[0], 0.6))) > SAME_PAGE


def test_empty_pages_are_like_nothing():
    blank = small(np.full((300, 200, 3), 235, np.uint8))
    assert likeness_to(blank)(blank) == 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (700, 2, 3), (40, 9, 3)])
def test_tiny_and_narrow_pages_are_no_crash(shape):
    page = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert likeness_to(small(page))(small(page)) <= 1.001
