import os
import stat
import sys

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from docbin_napari.io.errors import LabelNumbersError
from docbin_napari.io.mask import (
    MaskError,
    read_ground_truth,
    write_ground_truth,
    write_mask,
)
from docbin_napari.io.page import read_pages
from docbin_napari.io.tiff_header import read_tiff_header

masks = arrays(bool, st.tuples(st.integers(1, 70), st.integers(1, 70)))


@given(ink=masks, suffix=st.sampled_from([".png", ".tif", ".tiff", ".PNG"]))
def test_mask_round_trip(tmp_path_factory, ink, suffix):
    path = tmp_path_factory.mktemp("masks") / f"page{suffix}"
    assert write_mask(path, ink, dpi=(300, 200)) == path
    truth = read_ground_truth(path)
    assert (truth.ink == ink).all()
    assert truth.labelled.all()
    assert next(read_pages(path)).dpi == (300.0, 200.0)


@given(pages=st.lists(masks, min_size=1, max_size=4))
def test_many_pages_round_trip(tmp_path_factory, pages):
    path = tmp_path_factory.mktemp("masks") / "pages.tif"
    resolutions = [(100.0 + index, 200.0) for index in range(len(pages))]
    write_mask(path, (page for page in pages), dpi=resolutions)
    for page, ink, dpi in zip(read_pages(path), pages, resolutions, strict=True):
        assert (page.pixels[..., 0] == np.where(ink, 0, 255)).all()
        assert page.dpi == dpi
        assert page.count == len(pages)


@given(ink=masks, seed=st.integers(0, 99), suffix=st.sampled_from([".png", ".tif"]))
def test_ground_truth_round_trip(tmp_path_factory, ink, seed, suffix):
    labelled = np.random.default_rng(seed).random(ink.shape) < 0.8
    path = tmp_path_factory.mktemp("masks") / f"page{suffix}"
    write_ground_truth(path, ink, labelled)
    truth = read_ground_truth(path)
    assert (truth.labelled == labelled).all()
    assert (truth.ink == (ink & labelled)).all()


def test_black_is_ink(tmp_path, one_stroke):
    for name in ("page.png", "page.tif"):
        with Image.open(write_mask(tmp_path / name, one_stroke.ink)) as image:
            assert image.mode == "1"
            assert image.getpixel((20, 15)) == 0
            assert image.getpixel((0, 0)) == 255


def test_tiff_is_what_archive_software_expects(tmp_path, one_stroke):
    """CCITT Group 4, WhiteIsZero, one strip, on each of the pages."""
    path = write_mask(tmp_path / "page.tif", [one_stroke.ink, one_stroke.ink[:9]], dpi=(300, 300))
    pages = read_tiff_header(path).pages
    assert [(page.compression, page.photometric) for page in pages] == [(4, 0), (4, 0)]
    assert [len(page.extents) for page in pages] == [1, 1]
    assert [page.height for page in pages] == [48, 9]


def test_second_decoder_sees_the_same_polarity(tmp_path, one_stroke):
    tifffile = pytest.importorskip("tifffile")
    path = write_mask(tmp_path / "page.tif", one_stroke.ink)
    # WhiteIsZero: the stored bit 1 is black, that is ink.
    assert (tifffile.imread(path).astype(bool) == one_stroke.ink).all()


def test_labelled_page_is_one_bit_and_partly_labelled_page_eight(tmp_path, one_stroke):
    path = tmp_path / "page.png"
    labelled = np.ones_like(one_stroke.ink)
    for expected in ("1", "L"):
        write_ground_truth(path, one_stroke.ink, labelled)
        with Image.open(path) as image:
            assert image.mode == expected
        labelled[0, 0] = False


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_masks_of_every_kind_are_read(tmp_path, one_stroke, mode):
    gray = np.where(one_stroke.ink, np.uint8(0), np.uint8(255))
    image = Image.fromarray(gray.astype(np.uint16) * 257 if mode == "I;16" else gray)
    path = tmp_path / "page.png"
    image.convert(mode).save(path)
    truth = read_ground_truth(path)
    assert (truth.ink == one_stroke.ink).all()
    assert truth.labelled.all()


def test_other_grays_warn_once_and_are_thresholded(tmp_path):
    path = tmp_path / "page.png"
    values = np.tile(np.array([0, 1, 127, 128, 129, 254, 255], np.uint8), (1000, 100))
    Image.fromarray(values).save(path)
    with pytest.warns(UserWarning, match="thresholded at 128") as caught:
        truth = read_ground_truth(path)
    assert len(caught) == 1
    assert str(path) in str(caught[0].message)
    assert caught[0].filename == __file__
    assert truth.ink[0, :7].tolist() == [True, True, True, False, False, False, False]
    assert truth.labelled[0, :7].tolist() == [True, True, True, False, True, True, True]


def test_unreadable_mask(tmp_path, one_stroke):
    path = tmp_path / "page.png"
    path.write_bytes(b"")
    with pytest.raises(MaskError, match="empty"):
        read_ground_truth(path)
    write_mask(tmp_path / "pages.tif", [one_stroke.ink] * 3)
    with pytest.raises(MaskError, match="holds 3"):
        read_ground_truth(tmp_path / "pages.tif")


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 2)), np.zeros((2, 2), np.uint8), np.zeros(4, bool), np.zeros((0, 3), bool)],
)
def test_what_is_no_mask(tmp_path, array):
    with pytest.raises(ValueError, match="bool"):
        write_mask(tmp_path / "page.png", array)
    with pytest.raises(ValueError, match="bool"):
        write_ground_truth(tmp_path / "page.png", array)
    assert list(tmp_path.iterdir()) == []


def test_shapes_of_ground_truth_must_agree(tmp_path):
    with pytest.raises(ValueError, match="labelled"):
        write_ground_truth(tmp_path / "page.png", np.eye(3, dtype=bool), np.eye(2, dtype=bool))


def test_one_number_is_the_resolution_both_ways(tmp_path):
    path = write_mask(tmp_path / "page.png", np.zeros((8, 8), bool), dpi=300)
    assert next(read_pages(path)).dpi == (300.0, 300.0)


@pytest.mark.parametrize("dpi", [0, -1.0, (0, 300), (300, float("nan")), [(300, 300)]])
def test_nonsense_dpi_is_refused(tmp_path, dpi):
    ink = np.eye(3, dtype=bool)
    with pytest.raises(ValueError, match=r"dpi|resolutions"):
        write_mask(tmp_path / "page.tif", [ink, ink], dpi=dpi)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["page.jpg", "page", "page.pdf"])
def test_unknown_suffix_says_which_are_known(tmp_path, name):
    with pytest.raises(MaskError, match=r"\.png, \.tif or \.tiff"):
        write_mask(tmp_path / name, np.eye(3, dtype=bool))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 2])
def test_png_holds_one_page(tmp_path, count):
    with pytest.raises(MaskError, match="holds one page"):
        write_mask(tmp_path / "page.png", [np.eye(3, dtype=bool)] * count)
    assert list(tmp_path.iterdir()) == []


def test_tiff_needs_a_page(tmp_path):
    with pytest.raises(MaskError, match="no page"):
        write_mask(tmp_path / "page.tif", [])
    assert list(tmp_path.iterdir()) == []


def test_folder_is_made_and_old_file_replaced(tmp_path, one_stroke):
    path = tmp_path / "a" / "b" / "page.png"
    write_mask(path, np.eye(3, dtype=bool))
    write_mask(path, one_stroke.ink)
    assert (read_ground_truth(path).ink == one_stroke.ink).all()
    assert [entry.name for entry in path.parent.iterdir()] == ["page.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_failure_leaves_the_old_file(tmp_path, one_stroke, suffix):
    path = write_mask(tmp_path / f"page{suffix}", one_stroke.ink)

    def pages():
        yield np.eye(3, dtype=bool)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        write_mask(path, pages())
    assert (read_ground_truth(path).ink == one_stroke.ink).all()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="permission bits of POSIX")
def test_permissions_follow_the_umask(tmp_path, one_stroke):
    before = os.umask(0o022)
    try:
        path = write_mask(tmp_path / "page.png", one_stroke.ink)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_to(tmp_path, one_stroke):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    with pytest.raises(MaskError, match="may not be written to; choose another"):
        write_mask(folder / "page.png", one_stroke.ink)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_folder_in_place_of_a_file_and_the_other_way_round(tmp_path, one_stroke, suffix):
    (tmp_path / f"page{suffix}").mkdir()
    with pytest.raises(MaskError, match="choose another"):
        write_mask(tmp_path / f"page{suffix}", one_stroke.ink)
    (tmp_path / "file").touch()
    with pytest.raises(MaskError, match="a file stands where its folder should be"):
        write_mask(tmp_path / "file" / f"page{suffix}", one_stroke.ink)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_no_room_on_the_disk(tmp_path, suffix):
    """A limit on the size of files stands for a full disk."""
    import resource

    noise = np.random.default_rng(0).random((600, 600)) < 0.5
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(MaskError, match="no room"):
            write_mask(tmp_path / f"page{suffix}", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


SCALED = "numbers of a small part of its range, as labels such as 0 and 1 are"


@pytest.mark.parametrize(
    ("kinds", "numbers", "words"),
    [
        ("u2 u4 u8 i1 i2 i4 i8 f4 f8", (0, 1), "the numbers 0 and 1"),
        ("u2 u4 i1 i4 f4", (0, 1, 2), "the numbers 0, 1 and 2"),
        ("u2 i1 i4 f4", range(5), "the numbers 0 to 4"),
        ("u2 i4 f4", range(0, 700, 5), SCALED),
        ("i1 i4 f4", (-1, 0), "the numbers -1 and 0"),
    ],
)
def test_numbers_of_labels_of_every_kind_are_named(tmp_path, black_corner, kinds, numbers, words):
    ink = ~black_corner
    for kind in kinds.split():
        labels = np.full(ink.shape, numbers[0], kind)
        labels[ink] = np.sort(np.resize(np.array(numbers[1:]), int(ink.sum())))
        tifffile.imwrite(tmp_path / "mask.tif", labels)
        with pytest.raises(LabelNumbersError, match=f"it holds {words}"):
            read_ground_truth(tmp_path / "mask.tif")


@pytest.mark.parametrize("kind", ["u2", "u4", "i2", "i4", "f4"])
@pytest.mark.parametrize("numbers", [(0, 255), (0, 128, 255), (0, 0)])
def test_ink_and_background_of_every_kind_are_read(tmp_path, black_corner, kind, numbers):
    ink = ~black_corner
    top = 255 if kind == "f4" else np.iinfo(kind).max
    mask = np.where(ink, numbers[0], numbers[-1] or top).astype(kind)
    mask[-4:] = 128 if len(numbers) == 3 else mask[-4:]
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    truth = read_ground_truth(tmp_path / "mask.tif")
    assert np.array_equal(truth.ink[:-4], ink[:-4])
    assert truth.labelled.all() == (len(numbers) == 2)
