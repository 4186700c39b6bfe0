import pytest

import load


def test_the_first_and_the_last_fifth_are_compared():
    samples = [load.Sample(9.0, 9, 9)]
    samples += [load.Sample(1.0, 10 << 20, 5)] * 5 + [load.Sample(2.0, 20 << 20, 6)] * 5
    assert load.row("folder", samples) == "| folder | 11 | 1.000 | 2.000 | 10 | 20 | 5 | 6 |"


@pytest.mark.parametrize("name", ["folder", "pdf", "tiff", "large", "api"])
def test_every_page_of_a_run_is_measured(monkeypatch, table_of, tiny_model_file, name):
    monkeypatch.setattr(load, "QUICK", load.Size(4, 4, 4, 4, 4, 300))
    (found,) = table_of(load, "--quick", "--model", tiny_model_file, "--runs", name)
    assert found[:2] == [name, "4"]
    # The last page may still be written while the next one is computed.
    assert abs(int(found[6]) - int(found[7])) <= 1, "files are left open"


@pytest.mark.viewer
def test_turning_pages_is_measured(monkeypatch, table_of, tiny_model_file):
    monkeypatch.setattr(load, "QUICK", load.Size(turned=3))
    (found,) = table_of(load, "--quick", "--model", tiny_model_file, "--runs", "session")
    assert found[:2] == ["session", "3"]
