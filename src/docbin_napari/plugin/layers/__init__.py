"""Layers of napari as pages: pixels, labels over them, and what is known of both."""
