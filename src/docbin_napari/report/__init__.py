"""An evaluation as one page of HTML, as table, CSV and JSON."""
