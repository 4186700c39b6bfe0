import sys
from typing import get_args

import numpy as np
import pytest

from docbin_napari.batch.jobs import OutputConfig
from docbin_napari.cli import main
from docbin_napari.cli.binarize import BinarizeCommand
from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import Progress
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.model import weights
from docbin_napari.model.device import DeviceName


@pytest.fixture
def dark_is_ink(monkeypatch):
    """Replace model and network; remembers what they were asked for."""
    asked = {}

    class Model:
        threshold = 0.5

    def load_model(name, device, engine):
        asked.update(model=name, device=device)
        return Model()

    def predict(pixels, model, config, out):
        asked.update(config=config)
        yield Progress(0, 1, slice(0, 0), slice(0, 0))
        everything = slice(0, out.shape[0]), slice(0, out.shape[1])
        out[everything] = 255 - pixels[..., 0]
        yield Progress(1, 1, *everything)

    monkeypatch.setattr(weights, "load_model", load_model)
    monkeypatch.setattr(predict_module, "predict", predict)
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


def test_options_reach_the_network(tmp_path, draw_page, dark_is_ink):
    draw_page(tmp_path / "a.png")
    options = "--preset fast --symmetries 2 --overlap 0.5 --model mine --device cpu"
    main(["binarize", str(tmp_path / "a.png"), *options.split()])
    fast = PRESETS["fast"]
    assert dark_is_ink == {
        "model": "mine",
        "device": "cpu",
        # Pages of light writing are inverted where they are read.
        "config": InferenceConfig(fast.window, 0.5, 2, fast.batch, invert="never"),
    }


def test_options_reach_the_files(tmp_path, draw_page, dark_is_ink):
    draw_page(tmp_path / "in" / "more" / "a.png")
    options = ["--output", str(tmp_path / "out"), "--format", "tiff", "--recursive"]
    assert main(["binarize", str(tmp_path / "in"), *options, "--probability"]) == 0
    written = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.glob("out/*/*"))
    assert [path.as_posix() for path in written] == ["more/a.tiff", "more/a_probability.tiff"]


def test_without_options_the_defaults_are_those_of_the_settings():
    command = BinarizeCommand(paths=())
    assert command.output_config() == OutputConfig()
    assert command.inference_config() == PRESETS["balanced"]


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
    assert "no CUDA GPU is available to PyTorch: use --device cpu" in capsys.readouterr().err


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
