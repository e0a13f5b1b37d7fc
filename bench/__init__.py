"""Measurements: `make bench` and the tables of docs/vectors.md. Not part of the package."""
