import errno
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.survey import PageSurvey
from docbin_napari.finetune import judge
from docbin_napari.finetune.reports import NOW_INK, NOW_PAPER, keep_strip
from docbin_napari.finetune.stages import finetune
from docbin_napari.io.errors import PairError
from docbin_napari.io.page import read_pages
from docbin_napari.model.ink_model import load_model, load_network, save_model
from docbin_napari.model.model_file import ModelError, find_model, read_info
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.pairs.pair import find_pairs, read_pair, write_pair
from docbin_napari.train.dataset import load_pairs
from docbin_napari.train.model_output import unfinished_path
from docbin_napari.train.train_config import TrainingError


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


def test_a_test_page_that_cannot_be_read_is_left_out(few_steps, two_archives, tmp_path):
    shutil.copytree(two_archives / "dark", tmp_path / "test")
    bad = find_pairs(tmp_path / "test")[0].ground_truth
    bad.write_bytes(bad.read_bytes()[:60])
    outcome = list(finetune(replace(few_steps, steps=1, test=(tmp_path / "test",))))[-1].outcome
    assert outcome.test.pages == 1
    assert f"1 other page could not be measured: {bad}: " in outcome.verdict


def test_the_best_look_is_kept_and_not_the_last(few_steps):
    # A rate this high ruins the weights sooner or later.
    reports = list(finetune(replace(few_steps, learning_rate=0.05, steps=20, validations=10)))
    looks = [r.validation for r in reports if r.validation is not None and r.step]
    assert reports[-1].outcome.held_out.after == max(looks)


def test_a_model_that_is_not_better_is_called_so(few_steps, monkeypatch):
    monkeypatch.setattr(judge.Judge, "choose_edge_level", lambda own: own.edge_level)
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


def test_a_fitted_calibration_brings_no_threshold_of_its_own(few_steps):
    start, network = load_model(few_steps.start, "cpu"), load_network(find_model(few_steps.start))
    own = judge.Judge(start, network, load_pairs(few_steps.collections))
    chosen = own.calibrated(network.state_dict(), "refit")
    assert chosen["calibration"] != asdict(start.calibration)
    assert own.model(network.state_dict(), chosen).threshold == start.threshold


def test_with_nothing_held_out_strokes_are_drawn_as_the_start_draws_them(few_steps):
    list(finetune(replace(few_steps, held_out=0.0, steps=2)))
    levels = [load_model(path, "cpu").edge_level for path in (few_steps.output, few_steps.start)]
    assert levels[0] == levels[1] != USUAL_EDGE_LEVEL


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
    free = replace(few_steps, steps=30, validations=1, layers="norms", hard=0.0)
    held = replace(
        free, replay=0.8, distill=1.0, replay_from=(two_archives / "dark",), replay_pages=1,
        batch=5, output=str(tmp_path / "held.safetensors"),
    )  # fmt: skip
    reports = list(finetune(held))
    named = len(find_pairs(two_archives / "dark"))
    assert [r.pages for r in reports if r.stage == "drawing"] == [named + 1]
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


@pytest.mark.parametrize("stage", ["reading", "drawing", "judging"])
def test_stop_before_the_first_step_writes_nothing(few_steps, tmp_path, stage):
    seen = []
    reports = finetune(replace(few_steps, replay=0.5, replay_pages=2), lambda: stage in seen)
    for report in reports:
        seen.append(report.stage)  # noqa: PERF401 (the training asks for it meanwhile)
    assert seen[-2:] == [stage, "done"]
    assert not list(tmp_path.iterdir())


def test_a_stop_while_preparing_says_that_nothing_was_learnt(few_steps):
    last = list(finetune(few_steps, lambda: True))[-1]
    assert last.note == "Stopped. Nothing has been learnt yet, so no model was written."
    assert last.outcome is None


def test_a_stop_breaks_a_measurement_off_between_two_batches(few_steps, monkeypatch):
    parts = []
    measured = judge.read_part
    monkeypatch.setattr(judge, "read_part", lambda *given: parts.append(1) or measured(*given))
    reports = list(finetune(few_steps, lambda: bool(parts)))
    assert len(parts) == 1
    assert reports[-1].outcome is None


def test_a_damaged_start_is_known_before_anything_is_prepared(few_steps, tmp_path):
    start = tmp_path / "damaged.safetensors"
    content = bytearray(Path(few_steps.start).read_bytes())
    content[-400:] = b"\xff" * 400
    start.write_bytes(content)
    with pytest.raises(ModelError, match="not finite"):
        next(finetune(replace(few_steps, start=str(start))))


def test_an_abandoned_run_leaves_its_best(few_steps, tmp_path):
    reports = finetune(few_steps)
    next(report for report in reports if report.step and report.validation is not None)
    reports.close()
    left = unfinished_path(tmp_path / "mine.safetensors")
    assert read_info(left).header["base"]["name"].endswith("base.safetensors")
    assert not (tmp_path / "mine.safetensors").exists()


def test_no_model_is_replaced_unasked(few_steps, tmp_path, monkeypatch):
    (tmp_path / "mine.safetensors").write_text("precious")
    with pytest.raises(TrainingError, match="already a model of this name"):
        next(finetune(few_steps))
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    with pytest.raises(TrainingError, match="general-1 is the name of a built-in model"):
        next(finetune(replace(few_steps, output="general-1", overwrite=True)))
    with pytest.raises(TrainingError, match="cannot be the name of a model"):
        next(finetune(replace(few_steps, output="a/b")))
    assert (tmp_path / "mine.safetensors").read_text() == "precious"


def test_pages_without_labels_and_missing_pages_are_named(few_steps, pale_page, tmp_path):
    pixels, ink = pale_page
    write_pair(tmp_path / "blank", "page", pixels, ink & False, ink & False)
    with pytest.raises(PairError, match="nothing is labelled"):
        list(finetune(replace(few_steps, collections=(tmp_path / "blank",))))
    with pytest.raises(PairError, match="no pair named page7"):
        list(finetune(replace(few_steps, pages=("page7",))))


def test_a_ruined_loss_ends_it_in_words(few_steps):
    with pytest.raises(TrainingError, match="no longer a number"):
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
    assert model.for_page(PageSurvey.of(own)).info is model.info
    assert model.for_page(PageSurvey.of(other)).info is not model.info


def test_with_ratio_0_the_new_model_reads_every_page(few_steps, two_archives):
    everywhere = replace(few_steps, learning_rate=0.05, ratio=0.0, test=(two_archives / "dark",))
    outcome = list(finetune(everywhere))[-1].outcome
    assert outcome.test.after != pytest.approx(outcome.test.before)
    model = load_model(everywhere.output, device="cpu")
    assert model.for_page(PageSurvey.of(page_of(two_archives / "dark"))).info is model.info


def test_pages_that_take_long_to_draw_are_left_to_the_next_training(few_steps, monkeypatch):
    monkeypatch.setattr("docbin_napari.finetune.stages._SECONDS_TO_DRAW", 0.0)
    hasty = replace(few_steps, minutes=0.02, replay=0.5, replay_pages=7)
    drawing = [report.pages for report in finetune(hasty) if report.stage == "drawing"]
    assert drawing == [1, 2, 3, 4]


def test_pages_that_are_named_are_all_replayed(few_steps, two_archives, monkeypatch):
    """However long it takes to read them: only drawn pages are left to the next training."""
    monkeypatch.setattr("docbin_napari.finetune.stages._SECONDS_TO_DRAW", 0.0)
    named = [two_archives / "dark", two_archives / "pale"]
    count = sum(len(find_pairs(folder)) for folder in named)
    hasty = replace(few_steps, minutes=0.02, replay=0.5, replay_pages=7, replay_from=tuple(named))
    drawing = [report.pages for report in finetune(hasty) if report.stage == "drawing"]
    assert drawing == [count + number for number in (1, 2, 3, 4)]


def test_time_counts_from_the_first_step(few_steps, monkeypatch):
    prepare = judge.Judge.measure_start

    def slowly(own):
        time.sleep(1.0)
        return prepare(own)

    monkeypatch.setattr(judge.Judge, "measure_start", slowly)
    reports = list(finetune(replace(few_steps, minutes=0.01)))
    assert reports[-1].step >= 1
    assert reports[-1].outcome is not None
    assert next(r for r in reports if r.stage == "training").minutes == 0


def test_a_model_is_trained_longer(few_steps, tmp_path, dark_model):
    first = list(finetune(few_steps))[-1].outcome
    longer = replace(
        few_steps, longer=few_steps.output, output=str(tmp_path / "longer.safetensors")
    )
    second = list(finetune(longer))[-1].outcome
    assert second.held_out.before == pytest.approx(first.held_out.before)
    assert second.held_out.after >= first.held_out.after - 0.5
    assert second.model.header["steps"] >= first.model.header["steps"]
    assert second.model.header["base"]["name"] == str(dark_model)
    still = replace(longer, learning_rate=0.0, output=str(tmp_path / "still.safetensors"))
    list(finetune(still))
    kept = weights(few_steps)
    assert all(torch.allclose(kept[n], w, atol=1e-4) for n, w in weights(still).items())


def test_other_pairs_are_not_trained_longer(few_steps, tmp_path, pale_page):
    list(finetune(few_steps))
    write_pair(tmp_path / "more", "page", *pale_page)
    other = replace(
        few_steps, longer=few_steps.output, output=str(tmp_path / "longer.safetensors"),
        collections=(tmp_path / "more",),
    )  # fmt: skip
    with pytest.raises(TrainingError, match="mine cannot be trained longer: its pairs"):
        list(finetune(other))


def test_a_model_that_is_not_fine_tuned_is_not_trained_longer(few_steps, dark_model):
    with pytest.raises(TrainingError, match="no fine-tuned model: leave out --longer"):
        list(finetune(replace(few_steps, longer=str(dark_model))))


def test_a_model_whose_start_was_replaced_is_not_trained_longer(few_steps, tmp_path, dark_model):
    base = tmp_path / "start.safetensors"
    shutil.copy(dark_model, base)
    first = replace(few_steps, start=str(base))
    list(finetune(first))
    network = load_network(find_model(base))
    network.exit.bias.data += 1
    save_model(base, network, find_model(base).header)
    longer = replace(first, longer=first.output, output=str(tmp_path / "longer.safetensors"))
    with pytest.raises(TrainingError, match="start, from which it was made, is another model now"):
        list(finetune(longer))


def test_a_picture_shows_what_has_changed(few_steps):
    outcome = list(finetune(replace(few_steps, steps=60, learning_rate=1e-2)))[-1].outcome
    pixels = next(iter(read_pages(outcome.picture))).pixels
    marked = (pixels == NOW_INK).all(-1) | (pixels == NOW_PAPER).all(-1)
    assert marked[-len(pixels) // 3 :].any()
    assert not marked[: len(pixels) // 2].any()


@pytest.mark.parametrize("where", ["the folder", "the file"])
def test_a_picture_that_cannot_be_written_is_left_out(where, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("DOCBIN_CACHE", str(tmp_path))
    if where == "the folder":
        (tmp_path / "before-after").touch()
    else:
        monkeypatch.setattr("docbin_napari.io.encode._save_png", full)
    assert keep_strip("mine", np.zeros((9, 9, 3), np.uint8)) is None


def test_the_file_remembers_its_own_pages_and_those_of_the_start(few_steps, dark_model):
    list(finetune(few_steps))
    known = load_model(few_steps.output, device="cpu").info.header["pages_known"]
    assert len(known["looks"]) == len(find_pairs(few_steps.collections[0]))
    assert known["others"] == read_info(dark_model).header["pages_seen"]
    assert len(known["others"]) == 2
