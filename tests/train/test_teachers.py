"""Ground truth that is mixed with what teachers say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from docbin_napari.model.engine import Device
from docbin_napari.model.ink_model import load_model, save_model
from docbin_napari.model.model_file import ModelError
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.train.dataset import WindowSampler, load_pairs
from docbin_napari.train.learning import Batch, Teachers
from docbin_napari.train.loop import read_checkpoint, train
from docbin_napari.train.train_config import TrainConfig, TrainingError
from docbin_napari.train.validate import validate

CPU = Device("cpu", "float32", "chosen by the test")


def one_batch():
    """Two windows, always the same."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 3, 64, 96, generator=generator)
    truth = torch.randint(0, 2, (2, 2, 64, 96), generator=generator).float()
    return Batch(inputs, truth, torch.full((2, 7), torch.nan))


def a_network(seed):
    torch.manual_seed(seed)
    return UNet(UNetConfig(2, (8, 8), 1, page_ink=True))


def said_by(networks, batch, views):
    """The mean logit, each network in its view: half turns, by numpy."""
    logits = []
    for network, turned in zip(networks, views, strict=True):
        axes = (2, 3) if turned else ()
        with torch.no_grad():
            seen = network.eval()(torch.flip(batch.inputs, axes), batch.ink)
        logits.append(np.flip(seen.numpy(), axes))
    return 1 / (1 + np.exp(-np.mean(logits, axis=0)))


def test_the_mean_of_the_teachers_is_mixed_into_the_ink_and_nothing_else():
    batch, networks = one_batch(), [a_network(1), a_network(2)]
    mixed = Teachers(networks, 0.25, CPU).mix(batch, 0)
    assert mixed.inputs is batch.inputs
    assert mixed.ink is batch.ink
    truth = mixed.truth
    assert torch.equal(truth[:, 1:], batch.truth[:, 1:])
    expected = 0.75 * batch.truth[:, :1].numpy() + 0.25 * said_by(networks, batch, [False, True])
    np.testing.assert_allclose(truth[:, :1].numpy(), expected, atol=1e-5)


def test_teachers_see_the_windows_upright_and_upside_down_in_turn():
    batch, network = one_batch(), a_network(3)
    teachers = Teachers([network], 1.0, CPU)
    upright, turned, again = (teachers.mix(batch, step).truth[:, :1].numpy() for step in range(3))
    np.testing.assert_allclose(upright, said_by([network], batch, [False]), atol=1e-5)
    np.testing.assert_allclose(turned, said_by([network], batch, [True]), atol=1e-5)
    np.testing.assert_array_equal(upright, again)
    assert np.abs(upright - turned).max() > 1e-3, "else this test cannot tell"


def test_teachers_do_not_learn():
    network = a_network(4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert not Teachers([network], 0.5, CPU).mix(one_batch(), 0).truth.requires_grad
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.fixture
def taught(two_archives, dark_model, tmp_path):
    """Settings of a network that learns from a teacher alone."""
    return TrainConfig(
        (two_archives / "dark",), (two_archives / "dark",), str(tmp_path / "one.safetensors"),
        steps=40, batch=4, window=64, learning_rate=1e-2, channels=(8, 8), average=0.8,
        teachers=(str(dark_model),), teach=1.0, run=tmp_path / "run", device="cpu", every=0.0,
    )  # fmt: skip


def test_a_network_learns_to_read_from_its_teacher_alone(taught, monkeypatch):
    from docbin_napari.train import loop

    def without_ink(pairs, *settings):
        truth = [np.stack([0 * p.truth[..., 0], p.truth[..., 1]], axis=-1) for p in pairs]
        blank = [replace(pair, truth=one) for pair, one in zip(pairs, truth, strict=True)]
        return WindowSampler(blank, *settings)

    monkeypatch.setattr(loop, "WindowSampler", without_ink)
    list(train(taught))
    model = load_model(taught.output, "cpu")
    assert validate(model, load_pairs(taught.train)).f_measure > 80
    list(train(replace(taught, teach=0.0, steps=10)))
    untaught = validate(load_model(taught.output, "cpu"), load_pairs(taught.train))
    assert untaught.f_measure < 50


def test_a_taught_training_is_resumed_the_same(taught):
    settings = replace(taught, steps=4)
    list(train(settings))
    whole = load_file(settings.output)
    reports = train(settings)
    assert next(report for report in reports if report.step == 1)
    reports.close()
    list(train(replace(settings, resume=True)))
    for name, weights in load_file(settings.output).items():
        assert torch.equal(weights, whole[name]), name
    with pytest.raises(TrainingError, match=r"other settings.*teach"):
        list(train(replace(settings, resume=True, teach=0.5)))


def test_a_run_from_before_there_were_teachers_goes_on(taught):
    settings = replace(taught, steps=1, teachers=(), teach=0.5)
    list(train(settings))
    path = settings.run / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    for name in ("teachers", "teach"):
        del content["settings"][name]
    torch.save(content, path)
    assert read_checkpoint(settings)["step"] == 1
    with pytest.raises(TrainingError, match=r"other settings.*teachers"):
        read_checkpoint(taught)


def test_a_teacher_that_is_not_there_is_named(taught):
    with pytest.raises(ModelError, match="no-such-model"):
        list(train(replace(taught, teachers=("no-such-model",))))


def test_a_teacher_too_deep_for_the_windows_is_refused_before_anything_is_done(taught, tmp_path):
    torch.manual_seed(5)
    deep = UNet(UNetConfig(2, (8,) * 6, 1, page_ink=True))
    header = {"threshold": 0.5, "calibration": {}, "edge_level": None}
    save_model(tmp_path / "deep.safetensors", deep, header)
    settings = replace(taught, window=96, teachers=(str(tmp_path / "deep.safetensors"),))
    with pytest.raises(ModelError, match=r"deep\.safetensors.*--window as a multiple of 64"):
        next(train(settings))
    with pytest.raises(ModelError, match=r"the network.*--window as a multiple of 64"):
        next(train(replace(taught, window=96, channels=(8,) * 6)))


def test_more_than_all_cannot_be_taught(taught):
    with pytest.raises(ValueError, match="teach must lie between 0 and 1"):
        replace(taught, teach=1.5)
