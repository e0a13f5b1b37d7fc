"""What a classifier is worth and what it knows: evaluation, similarity, probes, drift, attribution,
audit."""
