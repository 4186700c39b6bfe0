"""``python -m docbin_napari`` is the command ``docbin``."""

import sys

from docbin_napari.cli import main

if __name__ == "__main__":
    sys.exit(main())
