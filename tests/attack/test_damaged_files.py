"""Damaged files end in the program's own errors: no crash, no hang, no gigabytes."""

import pytest
from tests.attack.inputs import KINDS, whole_files
from tests.attack.mutations import mutate
from tests.attack.run import Attack, attack, input_of

SHARE = 150
"""Inputs of each kind; `python -m tests.attack` tries as many as wanted."""


@pytest.mark.parametrize("kinds", [("page",), ("mask", "zip", "state"), ("model",)])
def test_damaged_files_are_read_or_refused(small_model, kinds):
    order = Attack(SHARE * len(kinds), seed=20, processes=1, kinds=kinds)
    found = attack(order, small_model)
    assert found.faults == []
    assert found.tried.total() == order.inputs
    assert 0 < found.read.total() < order.inputs, "all are alike: nothing was tried"


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read(small_model, tmp_path, monkeypatch, kind):
    from tests.attack.readers import read

    for name in ("CONFIG", "MODELS", "DRAFTS"):
        monkeypatch.setenv(f"DOCBIN_{name}", str(tmp_path / "place"))
    (tmp_path / "made").mkdir()
    (tmp_path / "place").mkdir()
    for name, content in whole_files(kind, small_model, tmp_path / "made").items():
        path = tmp_path / "place" / name
        path.write_bytes(content)
        assert read(kind, path), name


def test_an_input_is_known_by_its_number(small_model, tmp_path):
    order = Attack(100, seed=3, kinds=("page",))
    (tmp_path / "page").mkdir()
    whole = {"page": whole_files("page", small_model, tmp_path / "page")}
    inputs = [input_of(order, number, whole) for number in range(100)]
    assert inputs == [input_of(order, number, whole) for number in range(100)]
    assert len(set(inputs)) > 90


def test_what_a_process_does_wrong_is_found(small_model, monkeypatch):
    """An attack that finds nothing has to be able to find something."""
    monkeypatch.setenv("DOCBIN_ATTACK_FAULT", "1")
    found = attack(Attack(8, seed=1, processes=1, kinds=("state",)), small_model)
    assert {words.split()[-1] for _, words in found.faults} >= {"-9", "wrong"}


def test_damage_is_the_same_for_the_same_numbers():
    from random import Random

    content = bytes(range(256)) * 4
    assert mutate(content, Random(5)) == mutate(content, Random(5))
