import csv

import pytest

from records import COLUMNS, Journal


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_run_adds_to_the_file(tmp_path):
    path = tmp_path / "new" / "figures.csv"
    Journal(path, "speed", "a machine, 2 cores", "page of 5 Mpix").add(
        "fast", "rate", "Mpix/s", [5]
    )
    Journal(path, "memory", "a machine", "").add("4 Mpix", "idle", "MiB", [3, 1, 8])
    first, second = rows(path)
    assert tuple(first) == COLUMNS
    assert (first["hardware"], first["what"], first["median"]) == (
        "a machine, 2 cores",
        "fast",
        "5",
    )
    assert [second[name] for name in ("median", "lowest", "highest", "rounds")] == list("3183")


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("name,age\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"other\.csv: .*--csv"):
        Journal(path, "speed", "a machine", "")
    assert path.read_text(encoding="utf-8") == "name,age\n"


def test_without_a_file_nothing_is_kept():
    Journal(None, "speed", "a machine", "").add("fast", "rate", "Mpix/s", [1.0])
