import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.__about__ import __version__
from docbin_napari.io.mask import read_ground_truth, write_ground_truth
from docbin_napari.io.paths import file_hash
from docbin_napari.pairs.provenance import (
    Provenance,
    now,
    read_provenance,
    without_home,
)

FULL = Provenance(
    source="~/scans/Брест 1.tif",
    page=3,
    content="cd" * 12,
    region="rows 10 to 40",
    model="general-1",
    model_hash="ab" * 32,
    who="Inês",
    reviewed=0.25,
    reviewed_windows=bytes(range(40)),
    date="2026-11-24T10:00:00Z",
    version="9.9",
)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("known", [FULL, Provenance(date="2026-11-24T10:00:00Z")])
def test_provenance_travels_in_the_mask(tmp_path, one_stroke, known, labelled) -> None:
    where = np.full_like(one_stroke.ink, True)
    where[0, 0] = labelled
    path = tmp_path / "page.png"
    write_ground_truth(path, one_stroke.ink, where, texts=known.texts())
    assert read_provenance(path) == known
    assert (read_ground_truth(path).ink == (one_stroke.ink & where)).all()


def test_date_and_version_are_filled_in(tmp_path, one_stroke) -> None:
    write_ground_truth(tmp_path / "page.png", one_stroke.ink, texts=Provenance().texts())
    found = read_provenance(tmp_path / "page.png")
    assert found.version == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.date)
    assert found.date <= now()


def test_a_mask_of_another_program_has_none(tmp_path, one_stroke) -> None:
    write_ground_truth(tmp_path / "page.png", one_stroke.ink)
    assert read_provenance(tmp_path / "page.png") is None
    write_ground_truth(tmp_path / "page.png", one_stroke.ink, texts={"Software": "Paint"})
    assert read_provenance(tmp_path / "page.png") is None


@pytest.mark.parametrize("windows", ["%%%", "é"])
def test_values_that_somebody_spoilt_are_left_out(tmp_path, one_stroke, windows) -> None:
    texts = FULL.texts() | {
        "docbin page": "three",
        "docbin reviewed": "nan",
        "docbin reviewed windows": windows,
    }
    write_ground_truth(tmp_path / "page.png", one_stroke.ink, texts=texts)
    found = read_provenance(tmp_path / "page.png")
    assert (found.page, found.reviewed, found.reviewed_windows) == (None, None, None)
    assert found.source == FULL.source


def test_the_hash_is_that_of_other_tools(tmp_path) -> None:
    (tmp_path / "model").write_bytes(b"weights" * 1000)
    assert file_hash(tmp_path / "model") == hashlib.sha256(b"weights" * 1000).hexdigest()


def test_the_name_of_the_user_stays_at_home() -> None:
    assert without_home(Path.home() / "a.tif") == str(Path("~") / "a.tif")
    assert without_home("/elsewhere/a.tif") == str(Path("/elsewhere/a.tif"))
