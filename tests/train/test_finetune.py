from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from docbin_napari.io.errors import PairError
from docbin_napari.io.pairs import find_pairs, read_pair, write_pair
from docbin_napari.model.registry import ModelError, read_info
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.model.weights import load_model, save_model
from docbin_napari.train import judging
from docbin_napari.train.finetune import finetune
from docbin_napari.train.finetuned import FinetuneError
from docbin_napari.train.unfinished import unfinished_path


def weights(config):
    return load_file(config.output)


def page_of(folder):
    """Pixels of the first page of a collection."""
    return read_pair(find_pairs(folder)[0])[0]


def changed(config, base):
    """Names of the weights that are not those of the base."""
    before, after = load_file(base), weights(config)
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_it_learns_to_read_pages_of_another_archive(few_steps, two_archives, tmp_path):
    longer = replace(few_steps, steps=160, batch=4, learning_rate=1e-2, augment=0.1)
    reports = list(finetune(replace(longer, test=(two_archives / "dark",))))
    outcome = reports[-1].outcome
    assert outcome.held_out.after > outcome.held_out.before + 2
    assert outcome.better
    assert outcome.test.pages == 2
    assert "is better on your pages" in outcome.verdict
    assert outcome.model.figures["held-out FM"] == round(outcome.held_out.after, 2)
    assert load_model(longer.output, device="cpu").info.header["better"] is True
    assert not unfinished_path(tmp_path / "mine.safetensors").exists()


def test_the_best_look_is_kept_and_not_the_last(few_steps):
    # A rate this high ruins the weights sooner or later.
    reports = list(finetune(replace(few_steps, learning_rate=0.05, steps=20, validations=10)))
    looks = [r.validation for r in reports if r.validation is not None and r.step]
    assert reports[-1].outcome.held_out.after == max(looks)


def test_a_model_that_is_not_better_is_called_so(few_steps, monkeypatch):
    monkeypatch.setattr(judging, "_EDGE_LEVELS", ())
    still = replace(few_steps, learning_rate=0.0, steps=3)
    outcome = list(finetune(still))[-1].outcome
    assert outcome.better is False
    assert "is not better on your pages" in outcome.verdict
    assert "Stay with base." in outcome.verdict


def test_strokes_are_drawn_as_the_start_reads_the_own_pages_best(few_steps):
    still = replace(few_steps, learning_rate=0.0, steps=3)
    outcome = list(finetune(still))[-1].outcome
    level = load_model(still.output, device="cpu").edge_level
    assert level == outcome.model.header["edge_level"]
    assert level != load_model(still.start, device="cpu").edge_level
    assert outcome.held_out.after > outcome.held_out.before


def test_it_starts_from_the_base_of_a_finetuned_model(few_steps, dark_model, tmp_path):
    list(finetune(few_steps))
    again = replace(few_steps, start=few_steps.output, output=str(tmp_path / "second.safetensors"))
    reports = list(finetune(again))
    assert reports[0].note.endswith("was made from base: starting from base on all pairs")
    first, second = weights(few_steps), weights(again)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert reports[-1].outcome.model.header["base"]["name"] == str(dark_model)


def test_a_base_that_is_gone_is_named(few_steps, tmp_path):
    header = {"threshold": 0.5, "base": {"name": str(tmp_path / "gone.safetensors")}}
    orphan = tmp_path / "orphan.safetensors"
    save_model(orphan, UNet(UNetConfig(channels=(8,))), header)
    with pytest.raises(ModelError, match=r"orphan was made from .*gone\.safetensors"):
        next(finetune(replace(few_steps, start=str(orphan))))


@pytest.mark.parametrize(
    ("layers", "beginnings"),
    [("decoder", ("up.", "decoder.", "exit.")), ("exit", ("exit.",)), ("norms", None)],
)
def test_only_the_chosen_layers_learn(few_steps, dark_model, layers, beginnings):
    list(finetune(replace(few_steps, layers=layers)))
    moved = changed(few_steps, dark_model)
    assert moved
    if beginnings:
        assert all(name.startswith(beginnings) for name in moved)
    else:
        assert all(".norm." in name or name == "exit.bias" for name in moved)


def test_frozen_norms_keep_their_statistics(few_steps, dark_model):
    list(finetune(few_steps))
    assert not any("running" in name for name in changed(few_steps, dark_model))
    list(finetune(replace(few_steps, norms="train", overwrite=True)))
    assert any("running" in name for name in changed(few_steps, dark_model))


def test_keep_lies_between_start_and_learnt(few_steps, dark_model, tmp_path):
    list(finetune(replace(few_steps, validations=1)))
    half = replace(few_steps, validations=1, keep=0.5, output=str(tmp_path / "half.safetensors"))
    list(finetune(half))
    start, learnt, between = load_file(dark_model), weights(few_steps), weights(half)
    for name in ("exit.weight", "entrance.conv.weight"):
        assert torch.allclose(between[name], (start[name] + learnt[name]) / 2, atol=1e-6)


def test_replayed_pages_hold_the_weights_back(few_steps, dark_model, two_archives, tmp_path):
    # One validation: both are judged, and kept, after the same number of steps.
    free = replace(few_steps, steps=30, validations=1)
    held = replace(
        free, replay=0.8, distill=1.0, replay_from=(two_archives / "dark",), replay_pages=1,
        batch=5, output=str(tmp_path / "held.safetensors"),
    )  # fmt: skip
    reports = list(finetune(held))
    assert [report.stage for report in reports].count("drawing") == 3
    list(finetune(replace(free, batch=1)))
    start = load_file(dark_model)
    moved = [
        sum(float((each[n] - start[n]).square().sum()) for n in start if n.endswith("weight"))
        for each in (weights(free), weights(held))
    ]
    assert moved[1] < moved[0]


def test_one_page_with_a_quarter_labelled_is_enough(few_steps, pale_page, tmp_path):
    pixels, ink = pale_page
    labelled = np.zeros_like(ink)
    labelled[:128, :96] = True
    write_pair(tmp_path / "quarter", "page", pixels, ink & labelled, labelled)
    reports = list(finetune(replace(few_steps, collections=(tmp_path / "quarter",))))
    outcome = reports[-1].outcome
    assert outcome.model.header["pages"] == ["quarter/page"]


def test_stop_keeps_the_best_so_far(few_steps):
    stop = []
    reports = finetune(replace(few_steps, minutes=60), lambda: bool(stop))
    first = [next(report for report in reports if report.step >= 5)]
    stop.append(True)
    rest = list(reports)
    assert rest[-1].outcome is not None
    assert rest[-1].step < first[0].step + 3
    assert load_model(few_steps.output, device="cpu").info.header["steps"] == rest[-1].step


def test_stop_before_the_first_step_writes_nothing(few_steps, tmp_path):
    reports = list(finetune(few_steps, lambda: True))
    assert reports[-1].outcome is None
    assert "no model is written" in reports[-1].note
    assert not list(tmp_path.iterdir())


def test_an_abandoned_run_leaves_its_best(few_steps, tmp_path):
    reports = finetune(few_steps)
    next(report for report in reports if report.step and report.validation is not None)
    reports.close()
    left = unfinished_path(tmp_path / "mine.safetensors")
    assert read_info(left).header["base"]["name"].endswith("base.safetensors")
    assert not (tmp_path / "mine.safetensors").exists()


def test_no_model_is_replaced_unasked(few_steps, tmp_path, monkeypatch):
    (tmp_path / "mine.safetensors").write_text("precious")
    with pytest.raises(FinetuneError, match="already a model of this name"):
        next(finetune(few_steps))
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    with pytest.raises(FinetuneError, match="general-1 is the name of a built-in model"):
        next(finetune(replace(few_steps, output="general-1", overwrite=True)))
    with pytest.raises(FinetuneError, match="cannot be the name of a model"):
        next(finetune(replace(few_steps, output="a/b")))
    assert (tmp_path / "mine.safetensors").read_text() == "precious"


def test_pages_without_labels_and_missing_pages_are_named(few_steps, pale_page, tmp_path):
    pixels, ink = pale_page
    write_pair(tmp_path / "blank", "page", pixels, ink & False, ink & False)
    with pytest.raises(PairError, match="nothing is labelled"):
        list(finetune(replace(few_steps, collections=(tmp_path / "blank",))))
    with pytest.raises(PairError, match="no pair of the name page7"):
        list(finetune(replace(few_steps, pages=("page7",))))


def test_a_ruined_loss_ends_it_in_words(few_steps):
    with pytest.raises(FinetuneError, match="no longer a number"):
        list(finetune(replace(few_steps, learning_rate=1e30, validations=1)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"collections": ()}, "at least one collection"),
        ({"steps": 0}, "time budget"),
        ({"window": 100}, "multiple of 32"),
        ({"replay": 1.5}, "replay must lie between 0 and 1"),
        ({"held_out": 0.6}, "held_out must lie between 0 and 0.5"),
        ({"augment": -1.0}, "augment"),
        ({"output": ""}, "name"),
    ],
)
def test_settings_out_of_range_are_refused(few_steps, changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(few_steps, **changes)


def test_pages_of_another_archive_are_left_to_the_base(few_steps, two_archives):
    ruinous = replace(few_steps, learning_rate=0.05, test=(two_archives / "dark",))
    outcome = list(finetune(ruinous))[-1].outcome
    assert outcome.test.after == pytest.approx(outcome.test.before)
    model = load_model(ruinous.output, device="cpu")
    own, other = (page_of(folder) for folder in (*ruinous.collections, two_archives / "dark"))
    assert model.for_page(own).info is model.info
    assert model.for_page(other).info is not model.info


def test_with_ratio_0_the_new_model_reads_every_page(few_steps, two_archives):
    everywhere = replace(few_steps, learning_rate=0.05, ratio=0.0, test=(two_archives / "dark",))
    outcome = list(finetune(everywhere))[-1].outcome
    assert outcome.test.after != pytest.approx(outcome.test.before)
    model = load_model(everywhere.output, device="cpu")
    assert model.for_page(page_of(two_archives / "dark")).info is model.info


def test_drawing_replayed_pages_leaves_most_of_a_short_time_to_learning(few_steps):
    few = replace(few_steps, minutes=0.1, replay=0.5, replay_pages=1000)
    reports = list(finetune(few))
    drawing = [report for report in reports if report.stage == "drawing"]
    assert 1 <= len(drawing) < 1000
    assert all(report.share <= 0.2 for report in drawing[:-1])
    assert any(report.stage == "training" and report.step for report in reports)


def test_the_file_remembers_its_own_pages_and_those_of_the_start(few_steps, dark_model):
    list(finetune(few_steps))
    known = load_model(few_steps.output, device="cpu").info.header["pages_known"]
    assert len(known["looks"]) == len(find_pairs(few_steps.collections[0]))
    assert known["others"] == read_info(dark_model).header["pages_seen"]
    assert len(known["others"]) == 2
