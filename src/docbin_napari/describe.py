"""Read the description of a setting from the docstring that declares it, and check its value."""

from __future__ import annotations

import math
from typing import Any, get_args


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
    # Imported late: who only checks settings does without it.
    from docstring_parser.numpydoc import parse

    for declaring in config.__mro__:
        for entry in parse(declaring.__doc__ or "").params:
            if name in entry.arg_name.split(", "):
                return " ".join((entry.description or "").replace("`", "").split())
    raise ValueError(f"{config.__name__} does not describe {name!r}")


def check_numbers(settings: object, **most: float) -> None:
    """Refuse NaN and numbers that are below 0 or too high.

    Parameters
    ----------
    settings : object
        With the numbers as attributes.
    **most : float
        Name and highest value.

    Raises
    ------
    ValueError
        If one is outside.
    """
    for name, highest in most.items():
        value = getattr(settings, name)
        if not (0 <= value <= highest and math.isfinite(value)):
            limits = "be a number of 0 or more"
            if math.isfinite(highest):
                limits = f"lie between 0 and {highest:g}"
            raise ValueError(f"{name} must {limits}, not {value}")


def check_choices(settings: object, **choices: Any) -> None:
    """Refuse what is none of the choices of a setting.

    Parameters
    ----------
    settings : object
        With the choices as attributes.
    **choices : Literal
        Name and type.

    Raises
    ------
    ValueError
        If one is another.
    """
    for name, kind in choices.items():
        value = getattr(settings, name)
        *others, last = map(str, get_args(kind))
        if value not in get_args(kind):
            raise ValueError(f"{name} must be {', '.join(others)} or {last}, not {value!r}")
