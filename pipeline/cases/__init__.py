"""The case base: labelled headlines that decide on new ones without training."""
