"""Keep messages of libtiff off the terminal; decoding errors are raised anyway."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from pathlib import Path

_PLACES = ("../pillow.libs/libtiff*.so*", ".dylibs/libtiff*.dylib")


@cache
def silence_libtiff() -> bool:
    """Take away the handlers with which the libtiff of Pillow prints errors and warnings.

    Returns
    -------
    bool
        Whether it was found; on some systems it is a part of something else, and goes on.
    """
    import PIL
    import PIL._imaging  # The library that it has loaded is the one that is meant.

    folder = Path(PIL.__file__).parent
    found = False
    for pattern in _PLACES:
        base, name = (folder / pattern).parent.resolve(), Path(pattern).name
        for path in base.glob(name) if base.is_dir() else ():
            with suppress(OSError, AttributeError):
                library = ctypes.CDLL(str(path))
                for handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
                    handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                    handler(None)
                found = True
    return found
