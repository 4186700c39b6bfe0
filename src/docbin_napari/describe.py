"""Read the description of a setting from the docstring that declares it."""

from __future__ import annotations

from docstring_parser.numpydoc import parse


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
        for entry in parse(declaring.__doc__ or "").params:
            if name in entry.arg_name.split(", "):
                return " ".join((entry.description or "").replace("`", "").split())
    raise ValueError(f"{config.__name__} does not describe {name!r}")
