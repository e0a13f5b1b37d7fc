"""The schedule, the loop, checkpoints, and `fit`: the one chain from labelled texts to a
classifier."""
