"""The list of pages of a folder."""
