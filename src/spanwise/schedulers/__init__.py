"""Floor 3: where tasks run, and what they will cost."""
