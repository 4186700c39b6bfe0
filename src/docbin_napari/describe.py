"""Read the description of a setting from the docstring that declares it."""

from __future__ import annotations

import inspect
import re


def describe(config: type, name: str) -> str:
    """Read what a numpydoc docstring says about one parameter.

    Parameters
    ----------
    config : type
        A class whose docstring, or that of a class it extends, has a section "Parameters".
    name : str
        The parameter.

    Returns
    -------
    str
        The description in one line, without markup.

    Raises
    ------
    ValueError
        If the docstring does not describe that parameter.

    Examples
    --------
    >>> from docbin_napari.inference.inference_config import InferenceConfig
    >>> describe(InferenceConfig, "batch")
    'Windows in one pass through the network; 0 chooses for the device.'
    """
    for declaring in config.__mro__:
        text = inspect.cleandoc(declaring.__doc__ or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.S | re.M)
        entries = re.findall(
            r"^(\S[^\n:]*?) *(?::[^\n]*)?\n((?: +[^\n]*\n?|\n)*)",
            section[1] if section else "",
            re.M,
        )
        for names, description in entries:
            if name in re.split(r", *", names):
                return " ".join(description.replace("`", "").split())
    raise ValueError(f"{config.__name__} does not describe {name!r}")
