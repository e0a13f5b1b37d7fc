"""Damaged files: what is read is right, or the reader says in one line what is wrong."""
