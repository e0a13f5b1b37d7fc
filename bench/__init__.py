"""Measurements behind the figures of the documentation; no part of the package."""
