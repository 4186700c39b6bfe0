"""Fine-tuning on a few labelled pages, and the comparison with the start."""
