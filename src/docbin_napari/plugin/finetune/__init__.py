"""The panel *Train on my pairs*."""
