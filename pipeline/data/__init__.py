"""Labelled texts in three splits: where they come from, how files are read, cleaning, sampling."""
