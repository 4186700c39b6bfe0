"""What a session does beside a run: late events, layers that go, refreshes, its outlook."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.plugin.binarize.binarize_session import BinarizeSession, Request
from docbin_napari.plugin.layers.ink_result import InkResult
from docbin_napari.plugin.threads import Failed, run

pytestmark = pytest.mark.viewer
REQUEST = Request("fast", "any", "cpu", 0.5)


def test_events_after_the_end_are_ignored(viewer) -> None:
    session = BinarizeSession(viewer)
    session.receive(Failed("too late"))
    session.stop()
    assert session.finish() == ""
    assert session.status == ""


def test_a_layer_removed_or_renamed_during_the_run_harms_nothing(
    viewer, one_stroke, fake_engine
) -> None:
    image, session = viewer.add_image(one_stroke.pixels), BinarizeSession(viewer)
    for number, event in enumerate(run(session.start(image, REQUEST), fake_engine.load)):
        session.receive(event)
        session.tick()
        if number == 3:
            image.name = "another name"
            viewer.layers.remove(image)
        if number == 5:
            layer = viewer.layers.pop()
            assert session.lost_its_layer
    assert session.finish() == ""
    assert np.array_equal(layer.data, one_stroke.ink)
    assert session.ink_layer(image) is None


def test_a_refresh_comes_at_most_five_times_a_second(viewer, one_stroke, monkeypatch) -> None:
    now = [100.0]
    session = BinarizeSession(viewer, clock=lambda: now[0])
    image = viewer.add_image(one_stroke.pixels)
    job = session.start(image, REQUEST)
    refreshed = []
    monkeypatch.setattr(
        type(session.ink_layer(image)), "refresh", lambda *_, **__: refreshed.append(now[0])
    )
    for _ in range(100):
        now[0] += 0.02
        session._upkeep.touch(session.ink_layer(image))
        session.tick()
    assert 8 <= len(refreshed) <= 11
    assert isinstance(job.result, InkResult)


def test_the_outlook_names_the_size(viewer, one_stroke) -> None:
    session = BinarizeSession(viewer)
    assert session.outlook(viewer.add_image(one_stroke.pixels)).startswith(
        "64 × 48 pixels. Press Run"
    )
    stack = viewer.add_image(np.stack([one_stroke.pixels] * 3))
    assert session.outlook(stack).startswith("3 pages of 64 × 48 pixels. Press Run")
    assert session.outlook(None) == ""
