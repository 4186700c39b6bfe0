import numpy as np
import pytest
from skimage import data

from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.inverted import InvertedRows, is_to_be_inverted, looks_inverted
from docbin_napari.inference.predict import ink_probability, predict
from docbin_napari.train.synthesis import draw_page

FAST = InferenceConfig(window=256)


@pytest.fixture(scope="module")
def letter():
    """A generated page of dark writing, uint8 (H, W, 3)."""
    return draw_page(700013, 640, 480, "book").pixels


def written(ground, ink, noise=6):
    """Lines of short strokes on a ground."""
    rng = np.random.default_rng(2)
    page = np.full((600, 600, 3), ground, np.int16)
    for top in range(30, 560, 36):
        for left in range(24, 560, 15):
            page[top : top + 18, left : left + 4] = ink
            page[top + 8 : top + 12, left : left + 10] = ink
    return np.clip(page + rng.normal(0, noise, page.shape), 0, 255).astype(np.uint8)


def test_writing_is_told_from_its_negative(letter):
    assert not looks_inverted(letter)
    assert looks_inverted(255 - letter)


@pytest.mark.parametrize(("ground", "ink"), [(20, 235), (90, 150), (0, 255), (110, 250)])
def test_light_writing_on_dark_ground(ground, ink):
    assert looks_inverted(written(ground, ink))


@pytest.mark.parametrize(("ground", "ink"), [(235, 20), (90, 20), (110, 60), (60, 0), (200, 255)])
def test_dark_writing_and_light_ground_are_left_alone(ground, ink):
    assert not looks_inverted(written(ground, ink))


def test_a_dark_background_of_the_scanner():
    """A small leaf in a large dark scan: more than half of the picture is dark."""
    scan = np.full((1500, 1200, 3), 18, np.uint8)
    scan[400:1000, 300:900] = written(230, 30)
    assert np.median(scan) < 128
    assert not looks_inverted(scan)


@pytest.mark.parametrize("name", ["camera", "coins", "page", "text", "moon", "astronaut"])
def test_photographs(name):
    picture = getattr(data, name)()
    pixels = np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture
    assert not looks_inverted(pixels)


@pytest.mark.parametrize("level", [0, 40, 127, 255])
@pytest.mark.parametrize("size", [(1, 1), (40, 300), (700, 500)])
def test_blank_pages(level, size):
    noise = np.random.default_rng(0).normal(0, 8, (*size, 3))
    assert not looks_inverted(np.clip(level + noise, 0, 255).astype(np.uint8))


def test_noise_is_no_writing():
    assert not looks_inverted(np.random.default_rng(1).integers(0, 200, (600, 600, 3), np.uint8))


def test_a_large_page_is_not_read_whole():
    """A page that is decoded as it is asked for: three strips of it are."""
    asked = []

    class Rows:
        shape, dtype = (20_000, 500, 3), np.dtype(np.uint8)

        def __getitem__(self, rows):
            asked.append(rows)
            return np.full((rows.stop - rows.start, 500, 3), 200, np.uint8)

    assert not looks_inverted(Rows())
    assert len(asked) == 3
    assert sum(rows.stop - rows.start for rows in asked) < 20_000 / 6


def test_the_settings_decide(letter):
    negative = 255 - letter
    assert [is_to_be_inverted(negative, way) for way in ("auto", "never", "always")] == [
        True,
        False,
        True,
    ]
    assert [is_to_be_inverted(letter, way) for way in ("auto", "never", "always")] == [
        False,
        False,
        True,
    ]
    with pytest.raises(ValueError, match="invert must be auto, never or always, not 'maybe'"):
        InferenceConfig(invert="maybe")


def test_rows_of_an_inverted_page(letter):
    inverted = InvertedRows(letter)
    assert inverted.shape == letter.shape
    assert (inverted[100:140] == 255 - letter[100:140]).all()


def test_a_negative_is_computed_like_its_page_and_it_is_said(letter, tiny_model):
    expected = ink_probability(letter, tiny_model, FAST)
    with pytest.warns(UserWarning, match="light writing on dark ground"):
        found = ink_probability(255 - letter, tiny_model, FAST)
    assert (found == expected).all()


def test_what_is_asked_for_is_not_warned_of(letter, tiny_model):
    always = InferenceConfig(window=256, invert="always")
    never = InferenceConfig(window=256, invert="never")
    negative = 255 - letter
    assert (
        ink_probability(letter, tiny_model, always) == ink_probability(negative, tiny_model, never)
    ).all()


@pytest.mark.parametrize("shape", [(1, 3), (16, 16), (12, 400)])
def test_a_page_too_small_for_a_stroke_is_left_alone(shape):
    page = np.zeros((*shape, 3), np.uint8)
    page[:, ::3] = 250
    assert not looks_inverted(page)
    assert looks_inverted(np.tile(page, (40, 40 * 3, 1))[:300, :300])


def test_the_warning_comes_once(letter, tiny_model):
    out = np.zeros(letter.shape[:2], np.float32)
    with pytest.warns(UserWarning, match="invert='never'") as caught:
        list(predict(255 - letter, tiny_model, FAST, out))
    assert len(caught) == 1
