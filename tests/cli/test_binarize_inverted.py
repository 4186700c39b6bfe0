import numpy as np
import pytest
from PIL import Image

from docbin_napari.cli import main
from docbin_napari.drawing.generator import draw_page
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.tiff_header import read_tiff_header


@pytest.fixture
def pages(tmp_path):
    """A generated page and its negative."""
    pixels = draw_page(700013, 640, 480, "book").pixels
    Image.fromarray(pixels).save(tmp_path / "page.png")
    Image.fromarray(255 - pixels).save(tmp_path / "negative.png")
    return tmp_path


@pytest.fixture
def binarized(pages, tiny_model_file, capsys):
    """Binarize both; gives their probabilities and what was complained of."""

    def run(*options):
        common = ["--model", str(tiny_model_file), "--device", "cpu", "--window", "256"]
        wanted = ["--overwrite", "--probability", *options]
        assert main(["binarize", str(pages), *common, *wanted]) == 0
        found = [
            np.array(Image.open(pages / "auto_bin" / f"{name}_probability.png"))
            for name in ("page", "negative")
        ]
        return *found, capsys.readouterr().err

    return run


def test_a_negative_is_named_and_comes_out_like_its_page(binarized, pages):
    page, negative, told = binarized()
    assert (page == negative).all()
    assert told == (
        f"warning: {pages / 'negative.png'}: shows light writing on dark ground, so light and "
        "dark were exchanged there before the network read it; add --invert never --overwrite if "
        "it does not\n"
    )


def test_never_and_always(binarized):
    as_they_are = binarized("--invert", "never")
    exchanged = binarized("--invert", "always")
    assert as_they_are[2] == exchanged[2] == ""
    assert (as_they_are[0] == exchanged[1]).all()
    assert (as_they_are[1] == exchanged[0]).all()
    assert (as_they_are[0] != as_they_are[1]).mean() > 0.5


def test_pages_of_a_file_are_named_by_their_numbers(pages, tiny_model_file, capsys):
    images = [Image.open(pages / f"{name}.png") for name in ("page", "negative", "negative")]
    images[0].save(pages / "film.tif", save_all=True, append_images=images[1:])
    arguments = ["binarize", str(pages / "film.tif"), "--model", str(tiny_model_file)]
    assert main([*arguments, "--device", "cpu", "--format", "tiff"]) == 0
    told = capsys.readouterr().err
    assert f"{pages / 'film.tif'}, pages 2, 3: shows light writing" in told


def test_pages_of_a_file_with_a_damaged_one_are_named_too(pages, tiny_model_file, capsys):
    film = pages / "film.tif"
    images = [Image.open(pages / f"{name}.png") for name in ("page", "negative", "negative")]
    deflate = "tiff_adobe_deflate"
    images[0].save(film, save_all=True, append_images=images[1:], compression=deflate)
    place = read_tiff_header(film).pages[2].extents[0][0]
    with film.open("r+b") as stream:
        stream.seek(place)
        stream.write(b"????")
    assert main(["binarize", str(film), "--model", str(tiny_model_file), "--device", "cpu"]) == 1
    failed, warning = capsys.readouterr().err.splitlines()
    assert failed.startswith(f"failed: {film}: page 3: ")
    assert failed.endswith("; all other pages are done")
    assert warning.startswith(f"warning: {film}, page 2: shows light writing")


def test_the_mask_of_a_negative_holds_its_light_strokes(tmp_path, capsys):
    """With the built-in model: what is light in the negative is ink."""
    ground = np.random.default_rng(0).normal(30, 5, (512, 512))
    strokes = np.zeros(ground.shape, bool)
    for top in range(40, 480, 40):
        for left in range(30, 480, 24):
            strokes[top : top + 20, left : left + 4] = True
            strokes[top + 16 : top + 20, left : left + 14] = True
    ground[strokes] = 225
    page = tmp_path / "board.png"
    Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8)).save(page)
    assert main(["binarize", str(page), "--preset", "fast", "--device", "cpu"]) == 0
    assert "light writing" in capsys.readouterr().err
    ink = read_ground_truth(tmp_path / "auto_bin" / "board.png").ink
    assert (ink & strokes).sum() > 0.9 * strokes.sum()
    assert (ink & ~strokes).sum() < 0.3 * strokes.sum()
