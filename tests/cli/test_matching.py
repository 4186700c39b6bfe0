import shutil

import pytest

from docbin_napari.cli.console import UsageError
from docbin_napari.cli.scoring import match_files


def named(matches):
    return {page.name: (page.prediction, page.ground_truth) for page in matches.pages}


@pytest.mark.parametrize("guesses", [".", "auto_bin"])
@pytest.mark.parametrize("truths", [".", "fg_mask"])
def test_folders_and_collections(collection, guesses, truths):
    matches = match_files(collection / guesses, collection / truths)
    assert named(matches) == {
        name: (collection / "auto_bin" / f"{name}.png", collection / "fg_mask" / f"{name}.png")
        for name in ("a", "b")
    }
    assert matches.without_prediction == matches.without_ground_truth == []


def test_a_folder_of_collections(collection):
    root = collection.parent
    shutil.copytree(collection, root / "diary")
    matches = match_files(root, root)
    assert list(named(matches)) == ["diary/a", "diary/b", "letters/a", "letters/b"]
    assert named(matches)["diary/a"][0] == root / "diary" / "auto_bin" / "a.png"


def test_results_apart_from_the_pages(collection, tmp_path):
    """As ``docbin binarize --recursive --output results`` leaves them."""
    shutil.copytree(collection / "auto_bin", tmp_path / "results" / "letters")
    shutil.rmtree(collection / "auto_bin")
    matches = match_files(tmp_path / "results", collection.parent)
    assert named(matches)["letters/a"][0] == tmp_path / "results" / "letters" / "a.png"


def test_pages_themselves(collection):
    matches = match_files(collection, collection, pages=True)
    assert named(matches)["a"] == (collection / "a.png", collection / "fg_mask" / "a.png")


def test_two_files_of_any_name(collection):
    prediction, truth = collection / "auto_bin" / "a.png", collection / "fg_mask" / "b.png"
    assert named(match_files(prediction, truth)) == {"a": (prediction, truth)}


def test_the_suffix_may_differ(collection):
    prediction = collection / "auto_bin" / "a.png"
    prediction.rename(prediction.with_suffix(".tif"))
    assert named(match_files(collection, collection))["a"][0] == prediction.with_suffix(".tif")


def test_what_has_no_partner(collection):
    (collection / "auto_bin" / "a.png").rename(collection / "auto_bin" / "c.png")
    matches = match_files(collection, collection)
    assert list(named(matches)) == ["b"]
    assert matches.without_prediction == [collection / "fg_mask" / "a.png"]
    assert matches.without_ground_truth == [collection / "auto_bin" / "c.png"]


def test_probabilities_beside_masks_are_no_predictions(collection):
    guesses = collection / "auto_bin"
    shutil.copy(guesses / "a.png", guesses / "a_probability.png")
    assert match_files(guesses, collection).without_ground_truth == []


def test_two_files_of_one_name(collection):
    shutil.copy(collection / "auto_bin" / "a.png", collection / "auto_bin" / "a.tif")
    with pytest.raises(UsageError, match="have the same name"):
        match_files(collection, collection)


def test_a_missing_path_is_named(collection):
    with pytest.raises(UsageError, match="nowhere: there is no such file or folder"):
        match_files(collection, collection / "nowhere")


def test_a_file_with_a_folder(collection):
    with pytest.raises(UsageError, match="two files or two folders"):
        match_files(collection / "auto_bin" / "a.png", collection)
