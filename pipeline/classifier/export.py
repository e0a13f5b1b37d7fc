"""Write a classifier as a TensorFlow SavedModel, which needs neither Keras nor this package."""

from __future__ import annotations

import os

import tensorflow as tf

from pipeline.classifier.ensemble import Classifier


def export_saved_model(classifier: Classifier, path: str | os.PathLike[str]) -> None:
    """Write the classifier to the folder `path`.

    What `tf.saved_model.load(path)` gives is called with a string tensor (n,) and returns
    float32 probabilities (n, n_labels). Its function `embed` gives what `Classifier.embed` does,
    float32 (n, width); its function `contributions` what `Classifier.explainer` does.
    """
    strings = tf.TensorSpec([None], tf.string, name="texts")
    scorer = tf.Module()
    scorer.model = classifier.model  # holds the variables and tables
    scorer.__call__ = tf.function(
        lambda texts: classifier.model(texts, training=False), input_signature=[strings]
    )
    scorer.embed = tf.function(
        lambda texts: classifier.network.embed_model(texts, training=False),
        input_signature=[strings],
    )
    scorer.contributions = classifier.explainer()
    tf.saved_model.save(scorer, str(path))
