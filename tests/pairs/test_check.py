import shutil

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.errors import PairError
from docbin_napari.io.mask import write_ground_truth, write_mask
from docbin_napari.pairs.check import Checked, Finding, check_pairs
from docbin_napari.pairs.pair import write_pair


def findings(folder):
    return [event for event in check_pairs(folder) if isinstance(event, Finding)]


def only(folder):
    (finding,) = findings(folder)
    return finding


def writing(seed, shape=(240, 180)):
    """A page of dark words on paper, and its ink."""
    rng = np.random.default_rng(seed)
    ink = np.zeros(shape, bool)
    for row in range(10, shape[0] - 10, 12):
        for start in rng.integers(5, shape[1] - 40, 3):
            ink[row : row + 5, start : start + rng.integers(8, 35)] = True
    gray = np.where(ink, 30, 230).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2), ink


@pytest.fixture
def letters(tmp_path):
    """A collection with one good pair."""
    write_pair(tmp_path / "letters", "good", *writing(1))
    return tmp_path / "letters"


def test_nothing_to_mend(letters):
    write_pair(letters, "other", *writing(2))
    assert list(check_pairs(letters)) == [Checked(step, 4) for step in (1, 2, 3, 4)]


def test_page_without_mask(letters):
    Image.fromarray(writing(2)[0]).save(letters / "todo.jpg")
    finding = only(letters)
    assert finding.kind == "page without mask"
    assert finding.path == letters / "todo.jpg"
    assert "fg_mask/todo.png" in finding.problem
    assert "label it" in finding.fix


def test_mask_without_page(letters):
    lost = write_mask(letters / "fg_mask" / "lost.png", writing(2)[1])
    finding = only(letters)
    assert (finding.kind, finding.path) == ("mask without page", lost)
    assert "add the page" in str(finding)


def test_two_files_of_one_name(letters):
    Image.fromarray(writing(1)[0]).save(letters / "good.tif")
    assert only(letters).kind == "same name"
    (letters / "good.tif").unlink()
    write_mask(letters / "fg_mask" / "good.tif", writing(1)[1])
    finding = only(letters)
    assert (finding.kind, finding.fix) == ("same name", "keep one of them")


def test_sizes_that_differ(letters):
    mask = write_mask(letters / "fg_mask" / "good.png", writing(1)[1][:-1])
    finding = only(letters)
    assert (finding.kind, finding.path) == ("unfit", mask)
    assert "180 × 239" in finding.problem
    assert "180 × 240" in finding.problem


@pytest.mark.parametrize("name", ["good.png", "fg_mask/good.png"])
@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken"])
def test_unreadable_file(letters, name, content):
    (letters / name).write_bytes(content)
    finding = only(letters)
    assert (finding.kind, finding.path) == ("unreadable", letters / name)


def test_page_file_of_many_pages(letters):
    (letters / "good.png").unlink()
    page = Image.fromarray(writing(1)[0])
    page.save(letters / "good.tif", save_all=True, append_images=[page])
    finding = only(letters)
    assert finding.kind == "unfit"
    assert finding.fix == "save it as one image"


def test_reversed_mask(letters):
    write_mask(letters / "fg_mask" / "good.png", ~writing(1)[1])
    finding = only(letters)
    assert finding.kind == "reversed"
    assert "200 gray levels brighter" in finding.problem
    assert "of the labelled pixels are ink" in finding.problem


def test_mask_without_ink(letters):
    write_mask(letters / "fg_mask" / "good.png", np.zeros((240, 180), bool))
    assert only(letters).kind == "no ink"


def test_mask_with_no_labelled_pixel(letters):
    nothing = np.zeros((240, 180), bool)
    write_ground_truth(letters / "fg_mask" / "good.png", nothing, nothing)
    assert only(letters).kind == "not labelled"


def test_exact_duplicate_in_another_format(letters):
    pixels, ink = writing(1)
    Image.fromarray(pixels).save(letters / "again.tif")
    write_mask(letters / "fg_mask" / "again.png", ink)
    finding = only(letters)
    assert finding.kind == "duplicate"
    assert {finding.path.name, "good.png", "again.tif"} == {"good.png", "again.tif"}
    assert "weighs twice" in finding.fix


def test_near_duplicate_between_train_and_test(tmp_path):
    pixels, ink = writing(1)
    write_pair(tmp_path / "train" / "letters", "page", pixels, ink)
    half = np.asarray(Image.fromarray(pixels).resize((90, 120), Image.Resampling.BOX))
    write_pair(tmp_path / "test" / "others", "copy", half, half[..., 0] < 128)
    finding = only(tmp_path)
    assert finding.kind == "near-duplicate"
    assert finding.path == tmp_path / "train" / "letters" / "page.png"
    assert str(tmp_path / "test" / "others" / "copy.png") in finding.problem
    assert "train/letters or in test/others" in finding.fix


def test_a_page_for_tests_that_was_cut_from_one_for_training(tmp_path):
    rng = np.random.default_rng(8)
    pixels = np.repeat(rng.integers(0, 256, (400, 900, 1), dtype=np.uint8), 3, axis=2)
    ink = pixels[..., 0] < 60
    write_pair(tmp_path / "train" / "letters", "page", pixels, ink)
    write_pair(tmp_path / "test" / "letters", "page", pixels[:, :300], ink[:, :300])
    finding = only(tmp_path)
    assert finding.kind == "shared part"
    assert "100% of the smaller of the two" in finding.problem
    assert "a page that was learnt is no test" in finding.fix


@pytest.mark.parametrize("name", ["letters", ""])
def test_exact_duplicate_between_train_and_test(letters, tmp_path, name):
    shutil.copytree(letters, tmp_path / "set" / "train" / name)
    shutil.copytree(letters, tmp_path / "set" / "test" / name)
    finding = only(tmp_path / "set")
    assert finding.kind == "duplicate"
    assert "no test" in finding.fix


def test_one_trouble_does_not_hide_the_others(letters):
    write_pair(letters, "empty", np.full((60, 60, 3), 230, np.uint8), np.zeros((60, 60), bool))
    (letters / "good.png").write_bytes(b"")
    write_mask(letters / "fg_mask" / "lost.png", writing(2)[1])
    kinds = sorted(finding.kind for finding in findings(letters))
    assert kinds == ["mask without page", "no ink", "unreadable"]


def test_progress_ends_at_the_total(letters):
    (letters / "good.png").write_bytes(b"")
    write_pair(letters, "other", *writing(2))
    steps = [event for event in check_pairs(letters) if isinstance(event, Checked)]
    assert steps[-1].done == steps[-1].total == 4


def test_no_collection(tmp_path):
    with pytest.raises(PairError, match="fg_mask"):
        next(check_pairs(tmp_path))


def words_on_lines(seed, shape=(300, 400)):
    """Ink of words on lines, which lie elsewhere for each seed."""
    random = np.random.default_rng(seed)
    ink = np.zeros(shape, dtype=bool)
    for top in range(20, shape[0] - 20, 24):
        left = int(random.integers(10, 60))
        while left < shape[1] - 60:
            width, low = (int(random.integers(*ends)) for ends in ((8, 40), (0, 9)))
            ink[top + low : top + low + 4, left : left + width] = True
            left += width + int(random.integers(6, 20))
    return ink


def page_of(ink):
    return np.repeat(np.where(ink, 40, 225).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ink: words_on_lines(9), "another page"),
        (lambda ink: np.roll(ink, 6, axis=0), "it lies 6 pixels too far down"),
        (lambda ink: np.roll(ink, (-8, 20), axis=(0, 1)), "8 pixels too far up and 20 pixels"),
        (lambda ink: np.roll(ink, 24, axis=0), "it lies 24 pixels too far down"),
        (lambda ink: ink[::-1, ::-1], "turned upside down"),
        (lambda ink: ink[:, ::-1], "mirrored"),
    ],
)
def test_masks_that_do_not_lie_on_their_page(tmp_path, change, words):
    ink = words_on_lines(1)
    write_pair(tmp_path, "right", page_of(words_on_lines(2)), words_on_lines(2))
    pair = write_pair(tmp_path, "wrong", page_of(ink), change(ink))
    finding = only(tmp_path)
    assert (finding.kind, finding.path) == ("misplaced", pair.ground_truth)
    assert "does not lie on the writing of the page" in finding.problem
    assert words in str(finding)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 1), "the numbers 0 and 1,"),
        ((0, 2), "the numbers 0 and 2,"),
        ((0, 38, 75), "the numbers 0, 38 and 75,"),
        ((0, 30, 60, 90, 120, 150, 210), "the numbers 0 to 210,"),
    ],
)
def test_masks_of_label_numbers_are_named(tmp_path, values, words):
    ink = words_on_lines(1)
    pair = write_pair(tmp_path, "page", page_of(ink), ink)
    ranks = np.zeros(ink.shape, np.uint8)
    ranks[ink] = np.resize(values[1:], int(ink.sum()))
    Image.fromarray(ranks).save(pair.ground_truth)
    finding = only(tmp_path)
    assert finding.kind == "label numbers"
    assert words in finding.problem


def test_numbers_of_sixteen_bits_are_label_numbers_too(tmp_path):
    ink = words_on_lines(1)
    pair = write_pair(tmp_path, "page", page_of(ink), ink)
    Image.fromarray(ink.astype(np.uint16)).save(pair.ground_truth)
    finding = only(tmp_path)
    assert finding.kind == "label numbers"
    assert "it holds the numbers 0 and 1, not 0 and 255" in finding.problem


def test_labels_in_colours_are_named(tmp_path):
    ink = words_on_lines(1)
    pair = write_pair(tmp_path, "page", page_of(ink), ink)
    labels = Image.fromarray(ink.astype(np.uint8), mode="P")
    labels.putpalette([0, 0, 0, 255, 0, 0])
    labels.save(pair.ground_truth)
    finding = only(tmp_path)
    assert finding.kind == "label numbers"
    assert finding.problem == "it holds colours, not 0 and 255"


def test_ink_alone_on_an_unlabelled_page_is_no_label_image(tmp_path):
    ink = words_on_lines(1)
    pair = write_pair(tmp_path, "page", page_of(ink), ink)
    Image.fromarray(np.where(ink, 0, 128).astype(np.uint8)).save(pair.ground_truth)
    kinds = [event.kind for event in check_pairs(tmp_path) if isinstance(event, Finding)]
    assert "label numbers" not in kinds
