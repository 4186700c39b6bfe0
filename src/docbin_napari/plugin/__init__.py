"""The napari plugin: reader, writer, sample data and widgets."""
