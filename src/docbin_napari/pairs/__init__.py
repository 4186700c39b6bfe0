"""Training pairs of users, and what they have not saved yet: found, checked, imported, written."""
