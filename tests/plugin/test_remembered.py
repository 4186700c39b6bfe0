from docbin_napari.plugin.settings import (
    DATASETS,
    draft_places,
    remember,
    remember_folder,
    remembered,
)


def test_values_outlive_a_session(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path / "new"))
    assert remembered() == {}
    remember(datasets="here", who="Inês")
    remember(who="Ana")
    assert remembered() == {"datasets": "here", "who": "Ana"}


def test_drafts_are_looked_for_beside_all_data_sets_that_were_chosen(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    for name in ("a", "b", "gone"):
        (tmp_path / name).mkdir()
        remember_folder(DATASETS, tmp_path / name)
    (tmp_path / "gone").rmdir()
    assert draft_places(tmp_path / "b") == [
        tmp_path / "b" / ".drafts",
        tmp_path / "user",
        tmp_path / "a" / ".drafts",
    ]
    for number in range(40):
        remember_folder(DATASETS, tmp_path / str(number))
    remember_folder(DATASETS, tmp_path / "a")
    assert tmp_path / "a" / ".drafts" in draft_places(None)
    assert len(remembered()["datasets_used"].splitlines()) < 20


def test_a_damaged_file_is_no_trouble(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path))
    for text in ("", "[1]", '{"who": 3}'):
        (tmp_path / "panels.json").write_text(text)
        assert remembered() == {}
    (tmp_path / "panels.json").unlink()
    (tmp_path / "panels.json").mkdir()
    remember(who="Ana")
    assert remembered() == {}


def test_folders_that_cannot_be_are_passed_over(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path))
    remember(datasets_used="x" * 5000 + "\n\0")
    assert len(draft_places(None)) == 1
