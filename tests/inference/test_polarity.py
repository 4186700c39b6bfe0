import numpy as np
import pytest
from skimage import data

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features import dark_ground
from docbin_napari.features.dark_ground import PartlyInvertedRows, light_on_dark_parts, vote
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader, is_to_be_inverted
from docbin_napari.inference.predict import ink_probability, predict
from docbin_napari.io.rgb import inverted_rows

FAST = InferenceConfig(window=256)


def looks_inverted(pixels):
    return PageSurvey.of(pixels).is_light_on_dark


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
    ways = [InferenceConfig(invert=way) for way in ("auto", "never", "always")]
    assert [is_to_be_inverted(PageSurvey.of(negative), way) for way in ways] == [
        True,
        False,
        True,
    ]
    assert [is_to_be_inverted(PageSurvey.of(letter), way) for way in ways] == [
        False,
        False,
        True,
    ]
    with pytest.raises(ValueError, match="invert must be auto, never or always, not 'maybe'"):
        InferenceConfig(invert="maybe")


def test_rows_of_an_inverted_page(letter):
    inverted = inverted_rows(letter)
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
    assert not looks_inverted(written(20, 235)[20 : 20 + shape[0], : shape[1]])
    assert looks_inverted(written(20, 235))


def test_the_warning_comes_once(letter, tiny_model):
    out = np.zeros(letter.shape[:2], np.float32)
    with pytest.warns(UserWarning, match="invert='never'") as caught:
        list(predict(255 - letter, tiny_model, FAST, out))
    assert len(caught) == 1


# ---- parts of a page


def side_by_side(first, second):
    return np.concatenate([first, second], axis=1)


def read_upright(pixels, tiny_model, **settings):
    """The page as the network gets it, and whether anything was inverted."""
    reader = PageReader.of(pixels, tiny_model, InferenceConfig(window=256, **settings))
    return np.asarray(reader.pixels[0 : pixels.shape[0]]), reader.inverted


@pytest.mark.parametrize("share", [2, 3])
def test_of_a_page_with_both_the_dark_part_is_inverted(share, tiny_model):
    """Half of the page, and two thirds of it: neither is a negative as a whole."""
    dark = [written(22, 200)] * (share - 1)
    pixels = side_by_side(written(225, 20), np.concatenate(dark, axis=1))
    upright, inverted = read_upright(pixels, tiny_model)
    assert inverted
    assert np.array_equal(upright[:, :590], pixels[:, :590])
    assert np.array_equal(upright[:, 610:], 255 - pixels[:, 610:])
    assert upright[:, 590:610].min() > 128, "no line is left where the parts meet"
    untouched, said = read_upright(pixels, tiny_model, invert="never")
    assert not said
    assert np.array_equal(untouched, pixels)


def test_of_a_negative_with_a_light_part_each_is_read_as_it_stands(tiny_model):
    dark = np.tile(written(22, 200), (2, 3, 1))
    pixels = dark.copy()
    pixels[600:, 1200:] = written(225, 20)
    assert looks_inverted(pixels)
    upright, _ = read_upright(pixels, tiny_model)
    assert np.array_equal(upright[:580], 255 - dark[:580])
    assert np.array_equal(upright[620:, 1220:], pixels[620:, 1220:])


def test_a_heading_of_light_letters_on_a_dark_bar(tiny_model):
    pixels = np.full((900, 600, 3), 230, np.uint8)
    pixels[:200] = written(20, 240)[:200]
    pixels[300:] = written(230, 20)
    upright, inverted = read_upright(pixels, tiny_model)
    assert inverted
    assert np.array_equal(upright[:190], 255 - pixels[:190])
    assert np.array_equal(upright[210:], pixels[210:])


def fibres(ground, light, shape=(600, 600)):
    """Long light streaks, as of palm leaves, cloth and the edges of leaves."""
    rng = np.random.default_rng(5)
    page = np.full((*shape, 3), ground, np.int16)
    for _ in range(260):
        row, column = rng.integers(0, shape[0]), rng.integers(0, shape[1] - 60)
        page[row : row + 2, column : column + rng.integers(60, 300)] = light
    return np.clip(page + rng.normal(0, 4, page.shape), 0, 255).astype(np.uint8)


def test_fibres_are_no_writing(tiny_model):
    leaf = fibres(90, 160)
    assert vote(leaf[:200, :200, 1]) == 1, "a window of it looks like light strokes"
    assert not read_upright(leaf, tiny_model)[1]


@pytest.mark.parametrize("around", [fibres(30, 150), np.full((600, 600, 3), 12, np.uint8)])
def test_what_lies_around_a_page_is_left_as_it_is(around, tiny_model):
    pixels = side_by_side(around, written(225, 20))
    upright, inverted = read_upright(pixels, tiny_model)
    assert not inverted
    assert np.array_equal(upright, pixels)


def test_solid_ink_is_left_as_it_is(tiny_model):
    """A filled box, a bar and a large initial have no light letters in them."""
    pixels = written(225, 20)
    pixels[60:260, 60:360] = 10
    pixels[400:440] = 10
    assert not read_upright(pixels, tiny_model)[1]


def test_a_partly_inverted_page_by_rows_is_that_of_the_whole(tiny_model):
    pixels = side_by_side(written(225, 20), written(22, 200))[:577, :1195]
    parts = light_on_dark_parts(pixels)
    assert parts.shape == (145, 299)
    rows = PartlyInvertedRows(pixels, parts)
    whole = rows[0:577]
    bands = [rows[top : top + 50] for top in range(0, 577, 50)]
    assert np.array_equal(np.concatenate(bands), whole)
    assert (rows.shape, rows.dtype) == (pixels.shape, np.uint8)


def test_light_ground_between_two_dark_parts_stays_as_it_is(tiny_model):
    pixels = np.full((900, 600, 3), 230, np.uint8)
    pixels[:280] = written(20, 240)[:280]
    pixels[304:584] = written(20, 240)[:280]
    pixels[640:] = written(230, 20)[:260]
    upright, inverted = read_upright(pixels, tiny_model)
    assert inverted
    assert np.array_equal(upright[:270], 255 - pixels[:270])
    assert np.array_equal(upright[314:574], 255 - pixels[314:574])
    assert upright[280:304].min() > 200


def test_a_page_of_light_grain_is_no_negative():
    page = np.full((400, 600, 3), 30, np.uint8)
    page[::9, ::7] = page[1::9, ::7] = 220
    assert not looks_inverted(page)


def test_a_very_large_page_is_not_searched_for_parts(monkeypatch):
    pixels = side_by_side(written(225, 20), written(22, 200))
    assert light_on_dark_parts(pixels) is not None
    monkeypatch.setattr(dark_ground, "_LARGEST_PAGE", 600 * 1200 - 1)
    assert light_on_dark_parts(pixels) is None
