"""From rows of the matrix to probabilities: the Keras network, the linear members beside it, the
ensemble."""
