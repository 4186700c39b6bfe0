from dataclasses import fields

import pytest

from docbin_napari.describe import describe
from docbin_napari.inference.inference_config import InferenceConfig


class Settings:
    """A summary.

    Parameters
    ----------
    window : int
        Side of the ``window``
        in pixels.

        A second paragraph.
    red, green : float
        A colour.
    plain
        Without a type.

    Attributes
    ----------
    seen : int
        What a user reads.

    Raises
    ------
    ValueError
        Never.
    """


def test_lines_become_one_without_markup():
    assert describe(Settings, "window") == "Side of the window in pixels. A second paragraph."


@pytest.mark.parametrize("name", ["red", "green"])
def test_parameters_described_together(name):
    assert describe(Settings, name) == "A colour."


def test_attributes_are_described_too():
    assert describe(Settings, "seen") == "What a user reads."


def test_the_last_one_ends_where_the_next_section_begins():
    assert describe(Settings, "plain") == "Without a type."


@pytest.mark.parametrize("name", ["depth", "ValueError", "Never."])
def test_what_is_not_described(name):
    with pytest.raises(ValueError, match="does not describe"):
        describe(Settings, name)


def test_without_docstring():
    with pytest.raises(ValueError, match="does not describe"):
        describe(type("Bare", (), {}), "window")


@pytest.mark.parametrize("field", fields(InferenceConfig), ids=lambda field: field.name)
def test_every_inference_setting_is_described(field):
    assert describe(InferenceConfig, field.name).endswith(".")
