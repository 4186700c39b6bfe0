import numpy as np
import pytest

from docbin_napari.features.survey import PageSurvey
from docbin_napari.finetune import learner
from docbin_napari.finetune.learner import generated_page


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Seeds of the pages that were really drawn; the cache is empty."""
    monkeypatch.setenv("DOCBIN_CACHE", str(tmp_path))
    seeds = []
    draw = learner.draw_page

    def note(seed, *size):
        seeds.append(seed)
        return draw(seed, *size)

    monkeypatch.setattr(learner, "draw_page", note)
    return seeds


def test_a_page_is_drawn_once_and_read_as_it_was(drawn):
    first, second = generated_page(0, 3), generated_page(0, 3)
    assert drawn == [7_000_003]
    assert first.name == second.name == "generated/3"
    assert first.edge == second.edge
    for name in ("pixels", "truth", "ink"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert np.array_equal(first.inverted_ink, PageSurvey.of(255 - first.pixels).ink)
    assert generated_page(1, 3).pixels.shape == first.pixels.shape
    assert drawn == [7_000_003, 7_001_003]


def test_a_damaged_file_and_a_full_disk_cost_only_the_drawing(drawn, tmp_path, monkeypatch):
    page = generated_page(0, 0)
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:1000])
    assert np.array_equal(generated_page(0, 0).pixels, page.pixels)
    assert len(drawn) == 2

    def full(*_, **__):
        raise OSError("no space left on device")

    file.unlink()
    monkeypatch.setattr(np, "save", full)
    assert np.array_equal(generated_page(0, 0).pixels, page.pixels)
    assert not list(tmp_path.rglob("*.npy"))


def test_pages_of_another_version_are_drawn_anew_and_the_old_ones_go(drawn, monkeypatch, tmp_path):
    generated_page(0, 0)
    monkeypatch.setattr(learner, "__version__", "99")
    generated_page(0, 0)
    assert len(drawn) == 2
    assert [folder.name for folder in (tmp_path / "replay").iterdir()] == ["99-all-512"]
