import sys

import pytest

from docbin_napari.cli.console import Console, table


@pytest.fixture
def pretend_terminal(monkeypatch):
    """To be called by the test: pytest changes the outputs between a fixture and its test."""

    def pretend():
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    return pretend


def test_troubles_are_plain_text_in_a_file(capsys):
    Console().complain("bad page")
    assert capsys.readouterr().err == "bad page\n"


def test_troubles_are_red_on_a_terminal(pretend_terminal, capsys):
    pretend_terminal()
    Console().complain("bad page")
    assert capsys.readouterr().err == "\033[31mbad page\033[0m\n"


def test_no_color_is_respected(pretend_terminal, capsys, monkeypatch):
    pretend_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    Console().complain("bad page")
    assert capsys.readouterr().err == "bad page\n"


def test_quiet_tells_troubles_only(capsys):
    console = Console(quiet=True)
    console.say("written")
    console.complain("failed")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "failed\n")


def test_bars_are_for_terminals_that_are_not_quiet(pretend_terminal, monkeypatch):
    pretend_terminal()
    assert Console().shows_bars
    assert not Console(quiet=True).shows_bars
    monkeypatch.setenv("TERM", "dumb")
    assert not Console().shows_bars
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert not Console().shows_bars


def test_table_aligns_words_left_and_numbers_right():
    rows = [["page", "FM"], ["a", "100.00"], ["letter", "9.10"]]
    assert table(rows) == ["page        FM", "a       100.00", "letter    9.10"]
