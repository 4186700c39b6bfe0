import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.io.paths import clean_name, name_trouble


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("..", "dot"),
        (".hidden", "dot"),
        ("a/b", "character /"),
        ("a\\b", "character \\"),
        ("../a", "character /"),
        ("a\0b", "x00"),
        ("a\nb", "character"),
        ("nul", "device"),
        ("COM1.old", "device"),
        ("page.", "dot"),
        (" page", "space"),
        ("ä" * 61, "longer"),
    ],
)
def test_what_is_no_name_says_why(name, says) -> None:
    assert says in name_trouble(name)


@pytest.mark.parametrize("name", ["page", "f. 12r", "Брест 1", "a.b.c", "console", "頁"])
def test_names_of_every_script_are_fine(name) -> None:
    assert name_trouble(name) == ""


@given(st.text())
def test_any_text_can_be_made_a_name(text) -> None:
    assert name_trouble(clean_name(text)) == ""
    assert name_trouble(text) or clean_name(text) == text
