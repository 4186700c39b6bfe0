"""Runs that are killed leave nothing half-written, and the next run ends as if nothing had been."""

from random import Random

import pytest
from tests.attack import kills

TIMES = {"batch": 2, "training": 1, "finetuning": 1, "saving": 4, "drafts": 4, "export": 4}


@pytest.mark.parametrize("name", TIMES)
def test_killed_at_random_moments(tmp_path, small_model, name):
    found = kills.kill_often(kills.runs(small_model)[name], TIMES[name], Random(name), tmp_path)
    assert found.faults == []
    assert found.kills == TIMES[name]


def test_what_a_kill_breaks_is_found(tmp_path):
    """A run that writes its files in place is half-written sooner or later."""

    class InPlace(kills.Export):
        def work(self, folder):
            (folder / "out").mkdir(exist_ok=True)
            with (folder / "out" / "page.png").open("wb", buffering=0) as file:
                for _ in range(2000):
                    file.write(b"ink" * 1000)
            return 0

    assert kills.kill_often(InPlace(), 5, Random(1), tmp_path).faults
