"""Read the description of a setting from the docstring that declares it."""

from __future__ import annotations

import inspect
import re


def describe(config: type, name: str) -> str:
    """Read what a numpydoc docstring says about one parameter or attribute.

    Parameters
    ----------
    config : type
        A class whose docstring, or that of a class it extends, has a section "Parameters" or
        "Attributes".
    name : str
        The parameter or attribute.

    Returns
    -------
    str
        The description in one line, without markup.

    Raises
    ------
    ValueError
        If the docstring does not describe it.

    Examples
    --------
    >>> from docbin_napari.inference.inference_config import InferenceConfig
    >>> describe(InferenceConfig, "batch")
    'Windows in one pass through the network; 0 chooses for the device.'
    """
    for declaring in config.__mro__:
        text = inspect.cleandoc(declaring.__doc__ or "")
        heading = r"^(?:Parameters|Attributes)\n-+\n"
        sections = re.findall(rf"{heading}(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.S | re.M)
        entries = re.findall(
            r"^(\S[^\n:]*?) *(?::[^\n]*)?\n((?: +[^\n]*\n?|\n)*)", "\n".join(sections), re.M
        )
        for names, description in entries:
            if name in re.split(r", *", names):
                return " ".join(description.replace("`", "").split())
    raise ValueError(f"{config.__name__} does not describe {name!r}")
