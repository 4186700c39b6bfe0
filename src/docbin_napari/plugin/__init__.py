"""The napari door: reader, writer, sample data and widgets."""
