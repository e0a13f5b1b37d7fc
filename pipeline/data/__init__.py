"""Labelled texts in three splits: sources, file formats, cleaning, splitting, sampling."""
