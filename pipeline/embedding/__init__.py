"""Strings and vectors to a matrix: tokens, vocabulary, word vectors, matching, the matrix."""
