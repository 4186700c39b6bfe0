import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from docbin_napari.io import encode
from docbin_napari.io.encode import _png_info, read_png_texts
from docbin_napari.io.errors import MaskError
from docbin_napari.io.page import read_pages

TEXTS = {"Author": "Inês", "docbin source": "Брест/頁 1.tif", "Comment": "two\nlines"}


@pytest.mark.parametrize("band", [1 << 26, 64])
@pytest.mark.parametrize("pixels", [np.eye(20, dtype=bool), np.eye(20, dtype=np.uint8) * 9])
def test_words_come_back_and_the_picture_is_the_same(tmp_path, monkeypatch, band, pixels) -> None:
    """Also of pages that are written in bands."""
    monkeypatch.setattr(encode, "_USUAL_PIXELS", band)
    monkeypatch.setattr(encode, "_BAND_PIXELS", band)
    path = encode.write_pages(tmp_path / "page.png", [pixels], (300, 300), texts=TEXTS)
    assert read_png_texts(path) == TEXTS
    plain = encode.write_pages(tmp_path / "plain.png", [pixels], (300, 300))
    assert read_png_texts(plain) == {}
    assert (next(read_pages(path)).pixels == next(read_pages(plain)).pixels).all()
    with Image.open(path) as image:
        image.load()
        assert image.text == TEXTS


def test_words_of_other_programs_are_read(tmp_path) -> None:
    words = PngInfo()
    words.add_text("packed", "many words " * 50, zip=True)
    words.add_itxt("packed too", "ж" * 200, zip=True)
    Image.new("L", (4, 4)).save(tmp_path / "page.png", pnginfo=words)
    assert read_png_texts(tmp_path / "page.png") == {
        "packed": "many words " * 50,
        "packed too": "ж" * 200,
    }


def test_a_text_that_would_fill_the_memory_is_cut(tmp_path) -> None:
    words = PngInfo()
    words.add(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(30_000_000)))
    Image.new("L", (4, 4)).save(tmp_path / "page.png", pnginfo=words)
    assert len(read_png_texts(tmp_path / "page.png")["bomb"]) <= 1 << 20


@pytest.mark.parametrize("keep", [0, 7, 30, 60, 80, -20])
def test_damage_costs_no_more_than_what_is_damaged(tmp_path, keep) -> None:
    path = encode.write_pages(tmp_path / "page.png", [np.eye(20, dtype=bool)], texts=TEXTS)
    path.write_bytes(path.read_bytes()[:keep])
    assert read_png_texts(path).items() <= TEXTS.items()


def test_a_changed_letter_makes_the_text_unreadable(tmp_path) -> None:
    path = encode.write_pages(tmp_path / "page.png", [np.eye(20, dtype=bool)], texts=TEXTS)
    path.write_bytes(path.read_bytes().replace("Inês".encode("latin-1"), b"Anas"))
    assert "Author" not in read_png_texts(path)


def test_file_names_that_are_no_text_are_no_trouble() -> None:
    (chunk,) = _png_info({"docbin source": "a\udcff\0.tif"}).chunks
    assert chunk[1] == b"docbin source\0a? .tif"


@pytest.mark.parametrize("keyword", ["", "k" * 80, "naïve", "a\nb"])
def test_keywords_that_png_forbids(keyword) -> None:
    with pytest.raises(ValueError, match="keyword"):
        _png_info({keyword: "x"})


def test_no_png_and_no_file(tmp_path) -> None:
    (tmp_path / "page.tif").write_bytes(b"II*\0")
    assert read_png_texts(tmp_path / "page.tif") == {}
    with pytest.raises(MaskError, match="no such file"):
        read_png_texts(tmp_path / "none.png")
    with pytest.raises(MaskError, match="cannot be read"):
        read_png_texts(tmp_path)
