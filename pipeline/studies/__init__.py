"""Several trainings under one run: compare, explain, sets of vectors."""
