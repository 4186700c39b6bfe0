"""The panel *Correct and save training pairs*."""
