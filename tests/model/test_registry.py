import json
import shutil
import subprocess
import sys

import pytest

from docbin_napari.model import model_file
from docbin_napari.model.model_file import ModelError, find_model, list_models, read_info


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    return tmp_path


def test_a_users_model_is_found_by_name(own_models, tiny_model_file):
    shutil.copy(tiny_model_file, own_models / "letters.safetensors")
    info = find_model("letters")
    assert (info.name, info.threshold, info.title) == ("letters", 0.4, "Random numbers")
    assert info.size == tiny_model_file.stat().st_size
    assert "letters" in [one.name for one in list_models()]


def test_a_built_in_model_wins_over_a_users_of_the_same_name(
    own_models, tiny_model_file, tmp_path_factory, monkeypatch
):
    built_in = tmp_path_factory.mktemp("built_in")
    for folder in (built_in, own_models):
        shutil.copy(tiny_model_file, folder / "same.safetensors")
    monkeypatch.setattr(model_file, "built_in_folder", lambda: built_in)
    assert find_model("same").path.parent == built_in
    assert [info.path.parent for info in list_models()] == [built_in]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": 2}, "threshold is 2"),
        ({"threshold": "0.5"}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"edge_level": 5}, "edge level is 5"),
        ({"calibration": {"temperature": 0, "bias": 0}}, "calibration is damaged"),
        ({"calibration": [1]}, "calibration is damaged"),
        ({"calibration": {"temperature": 1.0, "curve": 3}}, "calibration is of a later version"),
        ({"normalisation": {"mean": 1.0, "deviation": 0}}, "normalisation is damaged"),
        ({"figures": None}, "figures are damaged"),
        ({"parameters": None}, "header is damaged"),
        ({"base": "general-1"}, "header is damaged"),
        ({"architecture": {}}, "architecture is not known"),
        ({"threshold": 10**400}, "threshold is too large"),
        ({"threshold": True}, "threshold is True"),
        ({"parameters": 10**400}, "header is damaged"),
        ({"title": ["x"]}, "header is damaged"),
        ({"base": {"name": 5}}, "header is damaged"),
        ({"figures": {"FM": "good"}}, "figures are damaged"),
        ({"architecture": {"channels": [8], "blocks": 10**9}}, "blocks must lie"),
        ({"architecture": {"channels": [20_000]}}, "channels must lie"),
        ({"architecture": {"channels": [8.5]}}, "channels must lie"),
        ({"architecture": {"channels": [8] * 40}}, "levels at most"),
        ({"architecture": {"channels": [8], "fold": 0}}, "fold must lie"),
        ({"architecture": {"channels": [8], "depth": 3}}, "of a later version"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_and_hides_no_other_model(
    own_models, tiny_model_file, changes, words
):
    shutil.copy(tiny_model_file, own_models / "good.safetensors")
    header = {**read_info(tiny_model_file).header, **changes}
    strange = {"__metadata__": {"docbin": json.dumps(header)}}
    (own_models / "strange.safetensors").write_bytes(header_only(strange))
    with pytest.raises(ModelError, match=words):
        find_model("strange")
    assert [info.name for info in list_models() if info.path.parent == own_models] == ["good"]


def test_what_a_killed_program_left_is_no_model(own_models, tiny_model_file):
    shutil.copy(tiny_model_file, own_models / ".mine-1a2b3c4d5e6f.safetensors")
    assert [info.name for info in list_models() if "mine" in info.name] == []


def test_an_unknown_name_is_answered_with_the_known_ones(own_models, tiny_model_file):
    shutil.copy(tiny_model_file, own_models / "letters.safetensors")
    with pytest.raises(ModelError, match=r"no model 'post'.*letters"):
        find_model("post")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.safetensors: No such file"):
        find_model(tmp_path / "gone.safetensors")


def header_only(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a safetensors file"),
        (b"PK\x03\x04 and what not, a zip file", "not a safetensors file"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{'not json", "damaged"),
        (header_only({"weight": {"dtype": "F32"}}), "not a docbin-napari model"),
        (header_only({"__metadata__": {"docbin": "[]"}}), "not a docbin-napari model"),
        (header_only([1]), "damaged"),
        (header_only({"__metadata__": {"docbin": 5}}), "not a docbin-napari model"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "damaged"),
        (header_only({"__metadata__": {"docbin": "[" * 200_000}}), "damaged"),
    ],
)
def test_other_files_are_refused_with_the_reason(content, reason, own_models):
    path = own_models / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"other\.safetensors: .*{reason}"):
        read_info(path)
    assert "other" not in [info.name for info in list_models()]


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"?"])
def test_a_copy_that_is_not_whole_is_not_listed(own_models, tiny_model_file, change):
    path = own_models / "letters.safetensors"
    path.write_bytes(change(tiny_model_file.read_bytes()))
    unreadable = []
    assert "letters" not in [info.name for info in list_models(unreadable)]
    assert str(unreadable[0]) == f"{path}: the weights are damaged: copy the file again"


def test_listing_models_loads_no_torch():
    code = "import sys; from docbin_napari.model.model_file import list_models; list_models(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
