from pathlib import Path

import pytest
from PIL import Image

from docbin_napari.batch.events import FileFailed, FileSkipped
from docbin_napari.batch.jobs import OutputConfig, plan_jobs
from docbin_napari.batch.orders import Order, SentModel, describe_model, sift
from docbin_napari.inference.config import InferenceConfig

MODEL = SentModel("tiny", "0", "cpu", InferenceConfig())


def sifted(paths, **settings):
    config = OutputConfig(**settings)
    return list(sift(plan_jobs(paths, config), MODEL, config))


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (9, 9)).save(path)
    return path


def test_what_is_done_or_cannot_be_done_is_not_sent(tmp_path):
    done, new = draw(tmp_path / "done.png"), draw(tmp_path / "new.png")
    draw(tmp_path / "auto_bin" / "done.png")
    skipped, order, failed = sifted([done, new, tmp_path / "lost.png"])
    assert skipped == FileSkipped(done)
    assert isinstance(order, Order)
    assert (order.number, order.job.source) == (2, new)
    assert failed == FileFailed(tmp_path / "lost.png", "there is no such file or folder")
    assert all(isinstance(item, Order) for item in sifted([done, new], overwrite=True))


def test_paths_are_absolute_and_the_folder_is_made_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(Path("in/a.png"))
    (order,) = sifted([Path("in")], output=Path("out/deep"))
    assert order.job.source == tmp_path / "in" / "a.png"
    assert order.job.folder == tmp_path / "out" / "deep"
    assert order.job.folder.is_dir()


def test_links_are_kept(tmp_path):
    """The place that a link points to may have another name on another machine."""
    draw(tmp_path / "disk" / "a.png")
    try:
        (tmp_path / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    (order,) = sifted([tmp_path / "link"])
    assert order.job.source == tmp_path / "link" / "a.png"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    pages = [draw(tmp_path / name) for name in ("a.png", "b.png")]
    (tmp_path / "auto_bin").write_text("in the way")
    ends = sifted(pages)
    assert [type(end) for end in ends] == [FileFailed, FileFailed]
    assert "auto_bin: a file stands where this folder should be" in ends[0].reason


def test_an_order_knows_whose_names_its_pages_must_not_take(tmp_path):
    many, other = draw(tmp_path / "a.tif"), draw(tmp_path / "a_002.png")
    draw(tmp_path / "b_002.png")
    orders = {order.job.name: order for order in sifted([tmp_path])}
    assert orders["a"].owners == {tmp_path / "auto_bin" / "a_002.png": other}
    assert orders["a_002"].owners == orders["b_002"].owners == {}
    assert orders["a"].job.source == many


def test_a_built_in_model_goes_by_name_and_any_other_by_its_path(
    tmp_path, tiny_model_file, monkeypatch
):
    assert describe_model("general-1", "cpu", InferenceConfig()).name == "general-1"
    monkeypatch.chdir(tmp_path)
    Path("mine.safetensors").write_bytes(tiny_model_file.read_bytes())
    sent = describe_model("mine.safetensors", "cpu", InferenceConfig(), 0.25)
    assert sent.name == str(tmp_path / "mine.safetensors")
    assert sent.threshold == 0.25
    assert sent.digest == describe_model(str(tiny_model_file), "cpu", InferenceConfig()).digest
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    assert describe_model("mine", "cpu", InferenceConfig()).name == sent.name
