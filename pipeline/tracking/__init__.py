"""MLflow, here and nowhere else: runs, items, the registry, models."""
