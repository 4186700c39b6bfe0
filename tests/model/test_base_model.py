"""A fine-tuned model leaves pages that it does not know to its base."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.ink_model import load_model, save_model
from docbin_napari.model.model_file import ModelError
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.pairs.provenance import folder_key

PAPER = np.random.default_rng(0).integers(190, 230, (96, 96, 3)).astype(np.uint8)
NIGHT = PAPER // 5


def network(seed):
    torch.manual_seed(seed)
    return UNet(UNetConfig(fold=2, channels=(8, 8)))


@pytest.fixture
def adapted_file(tiny_model_file, tmp_path):
    """Another network, with another threshold, that has learnt from PAPER."""
    path = tmp_path / "adapted.safetensors"
    known = FamiliarPages.of([PAPER]).to_header()
    base = {"name": str(tiny_model_file)}
    save_model(path, network(2), {"threshold": 0.7, "base": base, "pages_known": known})
    return path


def test_a_known_page_is_read_by_the_model_itself(adapted_file):
    model = load_model(adapted_file, "cpu")
    assert model.for_page(PageSurvey.of(PAPER)) is model


def test_an_unknown_page_is_read_by_the_base(adapted_file, tiny_model_file):
    adapted, base = load_model(adapted_file, "cpu"), load_model(tiny_model_file, "cpu")
    reader = adapted.for_page(PageSurvey.of(NIGHT))
    assert reader is not adapted
    assert reader.info.name == base.info.name


def test_every_page_in_the_folder_of_its_own_pages_is_read_by_the_model_itself(
    tiny_model_file, tmp_path
):
    known = replace(FamiliarPages.of([PAPER]), folders=(folder_key(tmp_path / "any.png"),))
    header = {"threshold": 0.7, "base": {"name": str(tiny_model_file)}}
    path = tmp_path / "adapted.safetensors"
    save_model(path, network(2), header | {"pages_known": known.to_header()})
    model = load_model(path, "cpu")
    reader = model.for_file(tmp_path / "another.png")
    assert reader.for_page(PageSurvey.of(NIGHT)) is reader
    assert reader.base is model.base, "which chooses the size"
    for elsewhere in (tmp_path / "deeper" / "another.png", None):
        assert model.for_file(elsewhere) is model


def test_the_threshold_of_the_model_cuts_the_probability_of_the_base_where_its_own_did(
    adapted_file, tiny_model_file
):
    adapted, base = load_model(adapted_file, "cpu"), load_model(tiny_model_file, "cpu")
    assert adapted.threshold != base.threshold
    assert adapted.for_page(PageSurvey.of(NIGHT)).threshold == adapted.threshold
    found = ink_probability(NIGHT, adapted, "fast")
    expected = ink_probability(NIGHT, base, "fast")
    near = np.abs(expected - base.threshold) < 1e-4
    assert 0 < np.mean(expected >= base.threshold) < 1
    assert np.array_equal((found >= adapted.threshold)[~near], (expected >= base.threshold)[~near])


def test_a_copy_of_the_base_on_the_cpu_has_its_probabilities_moved_too(adapted_file):
    reader = load_model(adapted_file, "cpu").for_page(PageSurvey.of(NIGHT))
    copied = reader.on_cpu()
    assert copied.threshold == reader.threshold
    assert copied.calibration == reader.calibration


def test_without_its_base_a_model_reads_every_page_and_says_so(tmp_path):
    path = tmp_path / "alone.safetensors"
    known = FamiliarPages.of([PAPER]).to_header()
    header = {"threshold": 0.5, "base": {"name": "long-gone"}, "pages_known": known}
    save_model(path, network(3), header)
    with pytest.warns(UserWarning, match="long-gone.*reads them itself"):
        model = load_model(path, "cpu")
    assert model.for_page(PageSurvey.of(NIGHT)) is model


def test_a_model_that_reads_all_pages_leaves_their_size_to_its_base(tiny_model_file, tmp_path):
    """It has learnt from pages as large as its base reads them."""
    path = tmp_path / "all.safetensors"
    save_model(path, network(3), {"threshold": 0.5, "base": {"name": str(tiny_model_file)}})
    model = load_model(path, "cpu")
    assert model.base.info.name == tiny_model_file.stem
    assert model.for_page(PageSurvey.of(NIGHT)) is model


def test_a_damaged_list_of_known_pages_names_the_file(tmp_path):
    path = tmp_path / "odd.safetensors"
    header = {"threshold": 0.5, "base": {"name": "general-1"}, "pages_known": {"looks": 1}}
    save_model(path, network(4), header)
    with pytest.raises(ModelError, match=r"odd.safetensors.*pages it knows"):
        load_model(path, "cpu")
