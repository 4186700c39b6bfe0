import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.io.rgb import RgbRows, StoredBands, row_bands, to_rgb
from docbin_napari.io.value_range import value_limits


def first_channel(values, limits=None):
    return to_rgb(np.array([values]), limits)[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([False, True]), [0, 255]),
        (np.array([0, 7, 255], np.uint8), [0, 7, 255]),
        (np.array([0, 128, 129, 257, 65535], np.uint16), [0, 0, 1, 1, 255]),
        (np.array([0, 257, 65535], ">u2"), [0, 1, 255]),
        (np.array([0, 64, 1023], np.uint16), [0, 16, 255]),
        (np.array([0, 64, 1023], np.int32), [0, 16, 255]),
        (np.array([30_000, 31_000, 32_000], np.uint16), [0, 128, 255]),
        (np.array([0.5, 0.53, 0.54], np.float32), [0, 191, 255]),
        (np.array([0.0, 0.25, 1.0], np.float32), [0, 64, 255]),
        (np.array([0.0, 1.0], np.float16), [0, 255]),
        (np.array([-2.0, 0.0, 2.0]), [0, 128, 255]),
        (np.array([0.0, 0.5, 510.0]), [0, 0, 255]),
        (np.array([4_000_000_000, 4_000_000_255], np.uint32), [0, 255]),
        (np.array([-100, 0, 155], np.int16), [0, 100, 255]),
        (np.array([-128, 127], np.int8), [0, 255]),
    ],
)
def test_range_of_each_type(values, expected):
    assert first_channel(values) == expected


def test_nan_is_white_and_infinities_are_the_ends():
    assert first_channel([np.nan, -np.inf, 0.0, 1.0, np.inf]) == [255, 0, 0, 255, 255]


def test_infinity_in_a_wide_page_is_no_warning():
    page = np.linspace(0, 1, 4000).reshape(40, 100)
    page[4] = np.inf
    assert (to_rgb(page)[4] == 255).all()


def test_infinity_does_not_stretch_the_other_values():
    assert first_channel([np.inf, 10.0, 20.0]) == [255, 0, 255]


@pytest.mark.parametrize("value", [7.0, -3.0, 1e12])
def test_page_of_one_value_outside_the_unit_range_is_white(value):
    assert first_channel([value, value]) == [255, 255]


def test_all_nan_is_white():
    assert first_channel([np.nan, np.nan]) == [255, 255]


def test_limits_clip_and_leave_alpha_alone():
    assert first_channel([0.0, 10.0, 15.0, 30.0], (10, 20)) == [0, 0, 128, 255]
    half = np.array([[[10, 128]]], np.uint8)
    assert to_rgb(half, (0, 20)).tolist() == to_rgb(np.array([[[128, 128]]], np.uint8)).tolist()


def test_full_limits_of_bytes_change_nothing(ramp):
    assert to_rgb(ramp, (0, 255)) is ramp


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels(channels):
    image = np.full((2, 3, channels), 255, np.uint8)
    image[0, 0, 0] = 10
    rgb = to_rgb(image)
    assert rgb.shape == (2, 3, 3)
    assert rgb.dtype == np.uint8
    assert rgb[0, 0].tolist() == ([10, 10, 10] if channels < 3 else [10, 255, 255])


def test_alpha_is_blended_over_white():
    image = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [100, 0, 200, 51]]], np.uint8)
    assert to_rgb(image)[0].tolist() == [[255] * 3, [0] * 3, [224, 204, 244]]


@given(colour=st.integers(0, 255), alpha=st.integers(0, 255))
def test_alpha_is_rounded_exactly(colour, alpha):
    exact = np.rint((colour * alpha + 255 * (255 - alpha)) / 255)
    assert to_rgb(np.array([[[colour, alpha]]], np.uint8))[0, 0, 0] == exact


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_alpha_of_each_type(dtype):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = np.array([[[0, 0, 0, top], [0, 0, 0, 0]]], dtype)
    assert to_rgb(image)[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32])
@pytest.mark.parametrize(
    ("pixels", "gray"),
    [
        ([[0, 4095], [4095, 4095], [0, 0]], [0, 255, 255]),
        ([[500, 1023], [520, 1023]], [0, 255]),
        ([[0, 1024], [4095, 4095]], [191, 255]),
    ],
)
def test_alpha_has_as_many_bits_as_the_page_uses(dtype, pixels, gray):
    assert to_rgb(np.array([pixels], dtype))[0, :, 0].tolist() == gray


def test_faint_alpha_of_the_whole_range_stays_faint():
    pixels = np.array([[[0, 13107], [65535, 13107]]], np.uint16)
    assert to_rgb(pixels)[0, :, 0].tolist() == [204, 255]


@pytest.mark.parametrize("shape", [(700, 800), (3, 300_000), (1, 1)])
def test_bands_do_not_show(shape):
    image = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    assert (to_rgb(image)[..., 1] == np.rint(image / 257)).all()


def test_limits_are_those_of_the_whole_page():
    page = np.zeros((900, 800), np.float32)
    page[-1, -1] = 100
    assert to_rgb(page).max() == 255
    assert to_rgb(page)[0, 0, 0] == 0


def test_lazy_array_is_read_in_small_bands():
    class Lazy:
        shape, dtype = (5000, 1000), np.dtype(np.uint16)
        largest = 0

        def __getitem__(self, rows):
            Lazy.largest = max(Lazy.largest, rows.stop - rows.start)
            return np.full((rows.stop - rows.start, 1000), 65535, np.uint16)

    assert (to_rgb(Lazy()) == 255).all()
    assert 0 < Lazy.largest < 1000


@pytest.mark.parametrize(
    "array",
    [np.zeros(3), np.zeros((2, 2, 5)), np.zeros((1, 2, 2, 3)), np.zeros((2, 2), np.complex64)],
)
def test_what_is_no_image_is_refused(array):
    with pytest.raises(ValueError, match=r"image|shape"):
        to_rgb(array)


@pytest.mark.parametrize("limits", [(1, 1), (2, 1), (0, np.nan)])
def test_limits_must_rise(limits):
    with pytest.raises(ValueError, match="rising"):
        to_rgb(np.zeros((2, 2)), limits)


@given(height=st.integers(0, 3000), width=st.integers(0, 10_000))
def test_bands_cover_every_row_once(height, width):
    rows = [row for band in row_bands(height, width) for row in range(band.start, band.stop)]
    assert rows == list(range(height))


def test_alpha_does_not_count_for_limits():
    assert value_limits([np.array([[[2.0, 900.0], [4.0, 0.0]]])]) == (2.0, 4.0)


def writing(low, high, dtype=np.uint16):
    """A page of 200 × 300 pixels with dark strokes, from `low` to `high`, and a little noise."""
    rng = np.random.default_rng(3)
    share = np.full((200, 300), 0.9)
    share[40:160:20, 30:270] = 0.1
    share[41:161:20, 30:270] = 0.1
    share += rng.normal(0, 0.01, share.shape)
    return (low + share.clip(0, 1) * (high - low)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.uint32, np.float32])
@pytest.mark.parametrize(("low", "high"), [(0, 1023), (0, 4095), (0, 16383), (500, 3000)])
def test_the_range_that_is_used_becomes_black_to_white(low, high, dtype):
    gray = to_rgb(writing(low, high, dtype))[..., 0]
    assert int(gray.max()) - int(gray.min()) > 120
    assert int(np.median(gray)) - int(gray[40, 100]) > 110


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_a_narrow_range_far_from_zero_is_stretched(dtype):
    gray = to_rgb(writing(30_000, 32_000, dtype))[..., 0]
    assert int(np.median(gray)) - int(gray[40, 100]) > 180


@pytest.mark.parametrize("hot", [65_535, 0])
def test_a_few_hot_pixels_do_not_decide(hot):
    page = writing(2000, 4095)
    clean = value_limits([page])
    page[5:190:9, 7:290:31] = hot
    low, high = value_limits([page])
    assert abs(low - clean[0]) < 60 and abs(high - clean[1]) < 60


@pytest.mark.parametrize(("low", "high"), [(0, 1023), (500, 3000), (30_000, 32_000)])
@pytest.mark.parametrize(
    "hot", [np.s_[77], np.s_[:, 77], np.s_[50:58, 200:206], np.s_[60:63, 7:10]]
)
def test_hot_rows_columns_and_spots_do_not_decide(low, high, hot):
    page = writing(low, high)
    clean = value_limits([page])
    page[hot] = 65_535
    assert value_limits([page]) == pytest.approx(clean, abs=0.05 * (high - low))


FRAMES = [
    (writing(100, 1000), [65_535]),
    (writing(100, 1000), [65_535, 0]),
    *((writing(30_000, 32_000), fills) for fills in ([0], [65_535], [0, 65_535])),
    (writing(100, 3000, np.int16), [-32_768]),
    (writing(100, 3000, np.int32), [-99_999, 2**31 - 1]),
    *((writing(0, 255).astype(np.float32) / 255, [fill]) for fill in (-9999, -3.4e38, 1e30)),
]


@pytest.mark.parametrize("shape", [np.s_[:12], np.s_[:, -20:], np.s_[50:90, 100:180], np.s_[:90]])
@pytest.mark.parametrize(("page", "fills"), FRAMES)
def test_a_frame_or_a_block_of_one_value_does_not_decide(page, fills, shape):
    clean = value_limits([page])
    filled = page.copy()
    for turn, fill in enumerate(fills):
        np.rot90(filled, turn)[shape if turn == 0 else np.s_[:12]] = fill
    halves = [filled[:100], filled[100:]]
    assert value_limits(halves) == pytest.approx(clean, abs=0.02 * (clean[1] - clean[0]))
    gray = to_rgb(filled)[..., 0]
    assert set(np.unique(gray[filled == filled.dtype.type(fills[0])])) <= {0, 255}


@pytest.mark.parametrize(
    "values", [(0, 65_535), (0, 1), (0, 32_896, 65_535), (0, 60_000, 65_535), (0, 1, 2, 40_000)]
)
def test_pages_of_few_values_have_no_frame(values):
    page = np.full((200, 300), values[-1], np.uint16)
    for number, value in enumerate(values):
        page[20 * number : 20 * number + 20, 40:200] = value
    limits = (0.0, 1.0) if values[-1] == 1 else (0.0, 65_535.0)
    assert value_limits([page]) == limits


@pytest.mark.parametrize("ink", [0, 65_535])
def test_ink_of_one_value_is_no_frame(ink):
    page = np.linspace(52_000, 60_000, 300) + np.random.default_rng(0).normal(0, 40, (200, 300))
    page = (page if ink == 0 else 65_535 - page).astype(np.uint16)
    for left in range(20, 280, 12):
        page[30:170, left : left + 4] = ink
    assert value_limits([page]) == (0.0, 65_535.0)


def test_paper_of_one_value_around_ink_is_no_frame():
    page = np.full((200, 300), 65_535, np.uint16)
    page[60:120, 40:260] = np.random.default_rng(0).integers(1000, 25_000, (60, 220))
    assert value_limits([page]) == (0.0, 65_535.0)


def test_a_little_ink_on_a_shaded_page_decides():
    page = np.broadcast_to(np.linspace(56_000, 60_000, 300), (200, 300)).astype(np.uint16)
    page[100:105, 100:107] = 5000
    assert value_limits([page]) == (0.0, 65535.0)


def test_an_empty_page_stays_empty():
    noise = np.random.default_rng(1).normal(3000, 12, (200, 300)).astype(np.uint16)
    assert np.ptp(to_rgb(noise)[..., 0]) < 12


def test_a_faded_page_of_sixteen_bits_stays_as_faded():
    assert value_limits([writing(30_000, 50_000)]) == (0.0, 65535.0)


@pytest.mark.parametrize(
    ("page", "limits"),
    [
        (writing(100, 7000), (0.0, 8191.0)),
        (writing(200, 2900), (0.0, 4095.0)),
        (writing(200, 900), (0.0, 1023.0)),
        (writing(100, 7000).astype(np.uint32), (0.0, 8191.0)),
        (writing(10, 240), (0.0, 255.0)),
        (writing(0, 100), (0.0, 255.0)),
        (writing(0, 9000).astype(np.float32) / 65_535, (0.0, 0.25)),
    ],
)
def test_values_use_as_many_bits_as_they_need(page, limits):
    """Taken for twice as many values or more, a page is so dark that writing is lost."""
    assert value_limits([page]) == limits


def test_of_a_large_page_only_the_last_bands_stay_in_memory():
    bands, decoded = [], []

    def decode(number):
        decoded.append(number)
        band = np.full((10, 2048, 3), number % 256, np.uint8)
        bands.append(weakref.ref(band))
        return band

    rows = RgbRows(StoredBands((2000, 2048, 3), np.uint8, 10, decode), None)
    expected = np.arange(2000) // 10
    assert np.array_equal(rows[0:1500][:, 0, 0], expected[:1500])
    assert sum(band() is not None for band in bands) < 100
    assert np.array_equal(rows[1100:2000][:, 0, 0], expected[1100:])
    assert decoded == list(range(200))
