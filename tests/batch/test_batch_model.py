"""A model is found on one machine and loaded on another."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from docbin_napari.batch import made_from
from docbin_napari.batch.made_from import describe_model
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.model import ink_model
from docbin_napari.model.model_file import ModelError, find_model


@pytest.fixture(autouse=True)
def no_models():
    made_from.load_once.cache_clear()


def described(model: Path | str, threshold: float | None = None):
    return describe_model(str(model), "cpu", InferenceConfig(window=64), threshold)


def test_a_built_in_model_goes_by_name_and_any_other_by_its_path(
    tmp_path, tiny_model_file, monkeypatch
):
    assert described("general-1").load.args[0] == "general-1"
    monkeypatch.chdir(tmp_path)
    Path("mine.safetensors").write_bytes(tiny_model_file.read_bytes())
    model = described("mine.safetensors", 0.25)
    assert model.load.args[0] == str(tmp_path / "mine.safetensors")
    assert model.threshold == 0.25
    assert model.recipe == described(tiny_model_file, 0.25).recipe | {"model": "mine"}
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    assert described("mine").load.args == model.load.args


def test_a_model_is_loaded_once_until_its_file_changes(tmp_path, tiny_model_file, monkeypatch):
    """As it arrives in another process: pickled, once for each file of the batch."""
    loaded = []

    def load_model(name, device, engine):
        loaded.append(Path(name).read_bytes()[-1])
        return original(name, device, engine)

    original = ink_model.load_model
    monkeypatch.setattr(ink_model, "load_model", load_model)
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(tiny_model_file.read_bytes())
    old = pickle.dumps(described(mine))
    first = pickle.loads(old).load()
    assert pickle.loads(old).load() is first
    mine.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    assert pickle.loads(pickle.dumps(described(mine))).load() is not first
    assert len(set(loaded)) == len(loaded) == 2
    # What was sent before the change is still done with the network of then.
    assert pickle.loads(old).load() is first


def test_a_file_that_has_changed_is_refused(tmp_path, tiny_model_file):
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(tiny_model_file.read_bytes())
    model = described(mine)
    mine.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    with pytest.raises(ModelError, match=r"mine\.safetensors has changed since the batch began"):
        model.load()


def test_another_base_makes_other_results(tmp_path, tiny_model_file):
    """Pages that a fine-tuned model does not know are read by its base."""
    base = tmp_path / "base.safetensors"
    header = {"threshold": 0.5, "base": {"name": str(base)}}
    network = ink_model.load_network(find_model(tiny_model_file))
    mine = ink_model.save_model(tmp_path / "mine.safetensors", network, header).path
    assert described(mine).recipe["base_sha256"] == ""
    base.write_bytes(tiny_model_file.read_bytes())
    first = described(mine).recipe
    base.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    assert len({first["base_sha256"], described(mine).recipe["base_sha256"], ""}) == 3


def test_a_base_that_is_another_one_or_gone_is_refused(tmp_path, tiny_model_file):
    """So a worker of a cluster does not read pages otherwise than the masks say."""
    base = tmp_path / "base.safetensors"
    base.write_bytes(tiny_model_file.read_bytes())
    header = {"threshold": 0.5, "base": {"name": str(base)}}
    network = ink_model.load_network(find_model(tiny_model_file))
    mine = ink_model.save_model(tmp_path / "mine.safetensors", network, header).path
    with_base = described(mine)
    base.unlink()
    without_base = described(mine)
    refused = pytest.raises(ModelError, match=r"the base .*base\.safetensors of .* another")
    with refused:
        with_base.load()
    assert without_base.load().base is None
    made_from.load_once.cache_clear()
    base.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    for model in (with_base, without_base):
        with refused:
            model.load()
    assert described(mine).load().base is not None
