"""Saving training pairs, and drafts of what is not saved yet."""
