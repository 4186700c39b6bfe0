import base64
import io

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.encode import data_uri, jpeg_round_trip


def test_better_quality_changes_less(ramp):
    def change(quality):
        return np.abs(jpeg_round_trip(ramp, quality).astype(int) - ramp).mean()

    assert 0 < change(95) < change(50) < change(5)


def test_result_is_a_new_page_of_the_same_kind(ramp):
    before = ramp.copy()
    result = jpeg_round_trip(ramp, 60)
    assert (result.shape, result.dtype) == (ramp.shape, np.uint8)
    result[:] = 0
    assert (ramp == before).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (17, 3, 3)])
def test_small_pages(shape):
    assert jpeg_round_trip(np.full(shape, 128, np.uint8), 80).shape == shape


def test_view_that_is_not_contiguous(ramp):
    assert (jpeg_round_trip(ramp[::-1], 70) == jpeg_round_trip(ramp[::-1].copy(), 70)).all()


def test_bomb_limit_of_pillow_does_not_matter(ramp, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert jpeg_round_trip(ramp, 70).shape == ramp.shape


def decoded(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
        return np.array(image)


def test_a_mark_of_one_pixel_keeps_its_colour():
    page = np.full((32, 48, 3), 220, np.uint8)
    page[16, 24] = 220, 30, 30
    red, green, blue = decoded(data_uri(page))[16, 24].astype(int)
    assert red - green > 120
    assert red - blue > 120


def test_size_and_a_view_that_is_not_contiguous():
    page = np.zeros((20, 30, 3), np.uint8)
    assert decoded(data_uri(page[::2, ::-1])).shape == (10, 30, 3)
