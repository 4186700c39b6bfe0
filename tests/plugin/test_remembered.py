from docbin_napari.plugin.remembered import remember, remembered


def test_values_outlive_a_session(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path / "new"))
    assert remembered() == {}
    remember(datasets="here", who="Inês")
    remember(who="Ana")
    assert remembered() == {"datasets": "here", "who": "Ana"}


def test_a_damaged_file_is_no_trouble(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path))
    for text in ("", "[1]", '{"who": 3}'):
        (tmp_path / "panels.json").write_text(text)
        assert remembered() == {}
    (tmp_path / "panels.json").unlink()
    (tmp_path / "panels.json").mkdir()
    remember(who="Ana")
    assert remembered() == {}
