import csv
from dataclasses import replace
from shutil import copytree

import pytest
import torch
from safetensors.torch import load_file

from docbin_napari.cli.train import main
from docbin_napari.io.mask import read_ground_truth, write_mask
from docbin_napari.model.ink_model import load_model
from docbin_napari.model.model_file import ModelError
from docbin_napari.pairs.pair import find_pairs
from docbin_napari.train.loop import read_checkpoint, train
from docbin_napari.train.train_config import TrainConfig, TrainingError


@pytest.fixture
def config(collections, tmp_path):
    return TrainConfig(
        train=(collections / "letters",),
        validate=(collections / "post",),
        output=str(tmp_path / "new.safetensors"),
        steps=6,
        batch=2,
        window=64,
        channels=(8, 8),
        average=0.5,
        run=tmp_path / "run",
        device="cpu",
    )


def weights(config):
    return load_file(config.output)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_training_ends_with_a_model_that_learnt(config):
    longer = replace(config, steps=120, learning_rate=1e-2, batch=4)
    reports = list(train(longer))
    assert reports[0].loss > 1.3 * reports[-2].loss
    assert reports[-1].step == 120
    model = load_model(longer.output, device="cpu")
    assert model.info.figures["validation FM"] == round(reports[-1].validation.f_measure, 2)
    assert reports[-1].validation.f_measure > 60, "dark strokes on light paper are easy"
    assert model.info.training_data == "letters"
    assert 0.05 <= model.threshold <= 0.95


def test_the_same_seed_gives_the_same_weights(config, tmp_path):
    list(train(config))
    again = replace(config, output=str(tmp_path / "again.safetensors"), run=tmp_path / "other")
    list(train(again))
    assert same(weights(config), weights(again))
    other = replace(again, seed=1)
    list(train(other))
    assert not same(weights(config), weights(other))


def test_a_resumed_training_ends_with_the_same_weights(config, tmp_path):
    list(train(config))
    cut = replace(
        config, run=tmp_path / "cut", output=str(tmp_path / "cut.safetensors"), every=1e-9
    )
    reports = train(cut)
    assert [next(reports).step for _ in range(3)] == [1, 2, 3]
    reports.close()
    resumed = list(train(replace(cut, resume=True)))
    assert resumed[0].step == 4
    assert same(weights(config), weights(cut))


def test_resuming_with_other_settings_is_refused(config):
    next(train(replace(config, every=1e-9)))
    with pytest.raises(TrainingError, match=r"other settings.*learning_rate"):
        next(train(replace(config, resume=True, learning_rate=1e-4)))


def test_resuming_with_other_pages_is_refused(config, tmp_path):
    config = replace(config, train=(copytree(config.train[0], tmp_path / "letters"),))
    next(train(replace(config, every=1e-9)))
    mask = find_pairs(config.train[0])[0].ground_truth
    ink = read_ground_truth(mask).ink
    ink[:3] ^= True
    write_mask(mask, ink)
    with pytest.raises(TrainingError, match="have changed since"):
        next(train(replace(config, resume=True)))


def test_a_run_from_before_there_was_a_setting_goes_on(config):
    next(train(replace(config, every=1e-9)))
    path = config.run / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    for name in ("hard", "deeper"):
        del content["settings"][name]
    torch.save(content, path)
    assert read_checkpoint(config)["step"] == 1
    with pytest.raises(TrainingError, match=r"other settings.*hard"):
        read_checkpoint(replace(config, start=("general-1",), hard=0.5))


def test_a_network_too_deep_for_the_windows_is_refused_before_anything_is_done(config):
    with pytest.raises(ModelError, match=r"the network.*--window as a multiple of 64"):
        next(train(replace(config, window=96, channels=(8,) * 6)))


def test_a_missing_or_damaged_checkpoint_is_named(config):
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        next(train(replace(config, resume=True)))
    config.run.mkdir()
    (config.run / "checkpoint.pt").write_bytes(b"half a file")
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: the checkpoint is damaged"):
        next(train(replace(config, resume=True)))


def test_a_time_budget_ends_the_training(config):
    reports = list(train(replace(config, minutes=0.01, steps=0)))
    assert reports[-1].model is not None
    assert reports[-1].minutes < 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"steps": 0}, "time budget"),
        ({"batch": 0}, "batch"),
        ({"window": 100}, "multiple of 32"),
        ({"average": 1.0}, "below 1"),
        ({"weights": ("letters",)}, "COLLECTION=FACTOR"),
        ({"weights": ("letters=-1",)}, "0 or more"),
        ({"weights": ("letters=nan",)}, "0 or more"),
        ({"minutes": float("nan")}, "minutes must be a number"),
        ({"minutes": float("inf")}, "minutes must be a number"),
        ({"learning_rate": float("inf")}, "learning_rate must be a number"),
        ({"dice": -1.0}, "dice must be a number"),
        ({"every": -5.0}, "every must be a number"),
    ],
)
def test_settings_out_of_range_are_refused(config, changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(config, **changes)


def arguments(config):
    return [
        *("--train", str(config.train[0]), "--validate", str(config.validate[0])),
        *("--output", config.output, "--run", str(config.run), "--device", "cpu"),
        *("--steps", "2", "--batch", "1", "--window", "64", "--channels", "8", "8"),
    ]


def test_the_command_prints_figures_and_keeps_a_log(config, capsys):
    assert main(arguments(config)) == 0
    printed = capsys.readouterr().out
    assert "validation FM" in printed
    assert f"wrote {config.output}" in printed
    with (config.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "2"
    assert float(rows[-1]["f_measure"]) >= 0


def test_the_command_names_a_folder_without_pairs(config, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main([*arguments(config), "--train", str(empty)]) == 2
    assert f"error: {empty}" in capsys.readouterr().err


def test_a_training_can_start_from_a_model(config, tmp_path):
    list(train(config))
    still = replace(
        config,
        start=(config.output,),
        steps=1,
        learning_rate=0.0,
        channels=(16, 16),
        run=tmp_path / "second",
        output=str(tmp_path / "second.safetensors"),
    )
    list(train(still))
    before, after = weights(config), weights(still)
    assert before.keys() == after.keys(), "the architecture is that of the model"
    kernels = [name for name in before if name.endswith("conv.weight")]
    assert all(torch.equal(before[name], after[name]) for name in kernels)


def test_the_command_names_a_missing_model_to_start_from(config, capsys):
    assert main([*arguments(config), "--start", "gone.safetensors"]) == 2
    assert "error: gone.safetensors" in capsys.readouterr().err
