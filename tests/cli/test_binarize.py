import shutil
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch.jobs import OutputConfig
from docbin_napari.cli import main
from docbin_napari.cli.binarize import BinarizeCommand
from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import Progress
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.model import ink_model
from docbin_napari.model.engine import DeviceName


@pytest.fixture
def dark_is_ink(monkeypatch, no_network):
    """Replace model and network; remembers what they were asked for."""
    asked = {}

    class Model:
        threshold = 0.5

    def load_model(name, device, engine):
        asked.update(model=name, device=device)
        return Model()

    def predict(reader, config, out):
        asked.update(config=config)
        yield Progress(0, 1, slice(0, 0), slice(0, 0))
        everything = slice(0, out.shape[0]), slice(0, out.shape[1])
        out[everything] = 255 - reader.pixels[: out.shape[0], :, 0]
        yield Progress(1, 1, *everything)

    monkeypatch.setattr(ink_model, "load_model", load_model)
    monkeypatch.setattr(predict_module, "predict_with", predict)
    return asked


def test_a_folder_of_pages(tmp_path, draw_page, dark_is_ink, capsys):
    ink = draw_page(tmp_path / "a.png")
    draw_page(tmp_path / "b.png")
    assert main(["binarize", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"written: {tmp_path / 'auto_bin' / 'a.png'}",
        f"written: {tmp_path / 'auto_bin' / 'b.png'}",
        "2 written, 0 skipped, 0 failed",
    ]
    assert captured.err == ""
    np.testing.assert_array_equal(read_ground_truth(tmp_path / "auto_bin" / "a.png").ink, ink)


def test_skipped_and_failed_are_said_and_counted(tmp_path, draw_page, dark_is_ink, capsys):
    draw_page(tmp_path / "a.png")
    main(["binarize", str(tmp_path)])
    (tmp_path / "bad.png").write_bytes(b"")
    capsys.readouterr()
    assert main(["binarize", str(tmp_path), str(tmp_path / "lost.png")]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"skipped: {tmp_path / 'a.png'} (already done)",
        "0 written, 1 skipped, 2 failed",
    ]
    assert captured.err.splitlines() == [
        f"failed: {tmp_path / 'bad.png'}: the file is empty",
        f"failed: {tmp_path / 'lost.png'}: there is no such file or folder",
    ]


def test_quiet_tells_errors_only(tmp_path, draw_page, dark_is_ink, capsys):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path), str(tmp_path / "lost.png"), "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_bars_on_a_terminal(tmp_path, draw_page, dark_is_ink, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 written, 0 skipped, 0 failed\n"
    assert "a.png: 100%" in captured.err
    assert "1/1" in captured.err


@pytest.fixture
def mine(tmp_path_factory, tiny_model_file, monkeypatch):
    """A model of the user's, named mine."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copy(tiny_model_file, folder / "mine.safetensors")
    monkeypatch.setenv("DOCBIN_MODELS", str(folder))
    return folder / "mine.safetensors"


def test_options_reach_the_network(tmp_path, draw_page, dark_is_ink, mine):
    draw_page(tmp_path / "a.png")
    options = "--preset fast --symmetries 2 --overlap 0.5 --model mine --device cpu"
    main(["binarize", str(tmp_path / "a.png"), *options.split()])
    fast = PRESETS["fast"]
    assert Path(dark_is_ink.pop("model")) == mine
    assert dark_is_ink == {
        "device": "cpu",
        # Pages of light writing are inverted where they are read.
        "config": InferenceConfig(fast.window, 0.5, 2, fast.batch, invert="auto"),
    }


def test_options_reach_the_files(tmp_path, draw_page, dark_is_ink):
    draw_page(tmp_path / "in" / "more" / "a.png")
    options = ["--output", str(tmp_path / "out"), "--format", "tiff", "--recursive"]
    assert main(["binarize", str(tmp_path / "in"), *options, "--probability"]) == 0
    written = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.glob("out/*/*"))
    assert [path.as_posix() for path in written] == ["more/a.tiff", "more/a_probability.tiff"]


def test_without_options_the_defaults_are_those_of_the_settings():
    command = BinarizeCommand(paths=())
    assert command.applied_to(OutputConfig()) == OutputConfig()
    assert command.applied_to(PRESETS["balanced"]) == PRESETS["balanced"]


def test_the_devices_are_those_of_the_model_room():
    from typing import get_type_hints

    assert get_type_hints(BinarizeCommand)["device"] == DeviceName
    assert "auto" in get_args(DeviceName)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "1.5"], "--threshold must lie between 0 and 1, not 1.5"),
        (["--threshold", "nan"], "--threshold must lie between 0 and 1"),
        (["--edge-level", "2"], "--edge-level must lie between 0 and 1, not 2"),
        (["--overlap", "0.9"], "--overlap must lie between 0 and 0.75, not 0.9"),
        (["--window", "100"], "--window must be a multiple of 32"),
        (["--batch", "-1"], "--batch must be"),
        (["--dpi", "0"], "--dpi must lie between"),
        (["--pixel-limit", "0"], "--pixel-limit must be positive"),
    ],
)
def test_values_out_of_range_are_usage_errors(tmp_path, draw_page, capsys, options, message):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"docbin binarize: error: {message}")
    assert not (tmp_path / "auto_bin").exists()


@pytest.mark.parametrize("options", [["--symmetries", "3"], ["--device", "tpu"], ["--dpi", "x"]])
def test_values_that_are_none_of_the_choices(tmp_path, options):
    with pytest.raises(SystemExit) as exit_:
        main(["binarize", str(tmp_path), *options])
    assert exit_.value.code == 2


def test_no_paths(capsys):
    assert main(["binarize"]) == 2
    assert "name at least one file or folder" in capsys.readouterr().err


def test_a_model_that_is_not_there(tmp_path, draw_page, capsys):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path), "--model", "nonesuch"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("docbin binarize: error: --model nonesuch: there is no model")


def test_a_device_that_is_not_there(tmp_path, draw_page, tiny_model_file, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    draw_page(tmp_path / "a.png")
    options = ["--model", str(tiny_model_file), "--device", "cuda"]
    assert main(["binarize", str(tmp_path), *options]) == 2
    assert "no CUDA GPU is available to PyTorch: use cpu or auto" in capsys.readouterr().err


def test_with_a_real_network(tmp_path, draw_page, tiny_model_file):
    """Random weights say nothing about ink, but the two files must fit together."""
    draw_page(tmp_path / "a.png")
    options = ["--model", str(tiny_model_file), "--preset", "fast", "--device", "cpu"]
    assert main(["binarize", str(tmp_path), *options, "--probability"]) == 0
    mask = read_ground_truth(tmp_path / "auto_bin" / "a.png")
    probability = read_probability(tmp_path / "auto_bin" / "a_probability.png")
    assert mask.ink.shape == (24, 32)
    np.testing.assert_array_equal(mask.ink, probability >= 0.4 * 255)


def read_probability(path):
    from docbin_napari.io.page import read_pages

    return next(read_pages(path)).pixels[..., 0]


def test_pages_done_with_another_model_stop_the_batch(
    tmp_path, draw_page, dark_is_ink, mine, capsys
):
    for name in ("a", "b", "c", "d"):
        draw_page(tmp_path / f"{name}.png")
    folder = str(tmp_path)
    assert main(["binarize", folder]) == 0
    before = [path.read_bytes() for path in sorted((tmp_path / "auto_bin").iterdir())]
    capsys.readouterr()
    assert main(["binarize", folder, "--model", "mine"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert "a.png, b.png, c.png and 1 more: done already, but with another model" in line
    assert "--overwrite" in line and "--output" in line
    assert main(["binarize", folder, "--model", "mine", "--overwrite"]) == 0
    after = [path.read_bytes() for path in sorted((tmp_path / "auto_bin").iterdir())]
    assert before != after
    assert main(["binarize", folder, "--model", "mine"]) == 0
    assert capsys.readouterr().out.endswith("0 written, 4 skipped, 0 failed\n")


@pytest.mark.parametrize("option", ["--threshold=0.3", "--symmetries=8", "--invert=never"])
def test_other_settings_are_another_result(tmp_path, draw_page, dark_is_ink, capsys, option):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path)]) == 0
    assert main(["binarize", str(tmp_path), option]) == 2
    assert "other settings" in capsys.readouterr().err
    assert main(["binarize", str(tmp_path), "--batch=3"]) == 0


def test_a_model_that_is_not_there_is_an_error_also_where_all_is_done(
    tmp_path, draw_page, dark_is_ink, capsys
):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path)]) == 0
    assert main(["binarize", str(tmp_path), "--model", "nobody"]) == 2
    assert "there is no model 'nobody'" in capsys.readouterr().err


def test_files_of_other_kinds_are_counted_and_named(tmp_path, draw_page, dark_is_ink, capsys):
    draw_page(tmp_path / "a.png")
    for name in ("b.psd", "c.djvu", "notes.txt", "list.csv", ".hidden.psd"):
        (tmp_path / name).write_bytes(b"x")
    assert main(["binarize", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert (
        captured.err
        == "warning: 2 files are of kinds or suffixes that are not read: b.psd, c.djvu\n"
    )
    assert captured.out.endswith("1 written, 0 skipped, 0 failed\n")


def test_pictures_with_rarer_names_are_pages(tmp_path, draw_page, dark_is_ink, capsys):
    draw_page(tmp_path / "a.jpg")
    for suffix in ("jfif", "avif", "jxl", "dib", "j2c", "heic"):
        (tmp_path / "a.jpg").rename(tmp_path / f"{suffix}.{suffix}")
        draw_page(tmp_path / "a.jpg")
    assert main(["binarize", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("7 written, 0 skipped, 0 failed\n")


def test_a_stretched_range_is_said_once(tmp_path, dark_is_ink, capsys):
    for name in ("a", "b", "c"):
        page = np.full((40, 60), 1000, np.uint16)
        page[10:14, 5:50] = 80
        Image.fromarray(page).save(tmp_path / f"{name}.png")
    assert main(["binarize", str(tmp_path)]) == 0
    first, again = capsys.readouterr().err.splitlines()
    assert "a part of their range" in first and str(tmp_path) in first
    assert again.startswith("warning: 2 more files: ")
    ink = read_ground_truth(tmp_path / "auto_bin" / "b.png").ink
    assert ink.sum() == 4 * 45
