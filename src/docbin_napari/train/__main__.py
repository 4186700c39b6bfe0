"""Run ``python -m docbin_napari.train``; the command is `docbin_napari.cli.train`."""

import sys

from docbin_napari.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
