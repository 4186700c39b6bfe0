"""Figures of this machine that outlive a process."""

import itertools
import json
import time

import pytest

from docbin_napari.model import measurement_cache as module
from docbin_napari.model.measurement_cache import cache_file, remembered


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCBIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def measure():
    """Gives another figure every time it is asked."""
    return itertools.count(1.0).__next__


def test_a_figure_is_measured_once(measure):
    assert [remembered("speed", measure) for _ in range(3)] == [1.0] * 3


def test_each_name_has_its_own_figure(measure):
    assert [remembered("speed", measure), remembered("size", measure)] == [1.0, 2.0]
    assert remembered("speed", measure) == 1.0


def test_another_processor_is_measured_anew(measure, monkeypatch):
    remembered("speed", measure)
    monkeypatch.setattr(module, "processor", lambda: "another one")
    assert remembered("speed", measure) == 2.0


def test_another_pytorch_is_measured_anew(measure, monkeypatch):
    remembered("speed", measure)
    monkeypatch.setattr(module.torch, "__version__", "99.0")
    assert remembered("speed", measure) == 2.0


@pytest.mark.parametrize("age", [31 * 24 * 3600, -3600])
def test_an_old_figure_and_one_from_the_future_are_measured_anew(age, measure, monkeypatch):
    remembered("speed", measure)
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + age)
    assert remembered("speed", measure) == 2.0


@pytest.mark.parametrize("content", ["", "[]", '{"speed": 3}', '{"speed": ["x", "y"]}', "\x00"])
def test_a_damaged_file_is_replaced(content, measure):
    cache_file().parent.mkdir(parents=True)
    cache_file().write_text(content)
    assert remembered("speed", measure) == 1.0
    assert remembered("speed", measure) == 1.0
    assert len(json.loads(cache_file().read_text())) == 1


def test_a_folder_that_cannot_be_written_costs_a_measurement_only(measure, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert [remembered("speed", measure), remembered("speed", measure)] == [1.0, 2.0]
