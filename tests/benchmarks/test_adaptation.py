"""The benchmark that fine-tunes on draws of pages and measures others."""

import adaptation


def test_a_draw_is_learnt_from_and_the_other_pages_are_measured(
    table_of, dark_model, two_archives, tmp_path, monkeypatch
):
    monkeypatch.setenv("DOCBIN_CACHE", str(tmp_path))
    quick = "steps=2 minutes=0 replay=0 batch=1 window=64 device=cpu"
    rows = table_of(
        adaptation,
        *(two_archives, "--model", dark_model, "--names", "pale", "--counts", "1", "--draws", "1"),
        *("--others", two_archives / "dark", "--set", quick),
    )
    assert rows[0][:4] == ["pale", "0", "1", quick]
    before, after = rows[0][4].split(" → ")
    assert 0 <= float(before) <= 100
    assert 0 <= float(after) <= 100
