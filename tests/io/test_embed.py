import base64
import io

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.embed import data_uri


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


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(ValueError, match="a picture"):
        data_uri(pixels)
