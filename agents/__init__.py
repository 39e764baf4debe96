"""Who decides: directors, training, evaluation."""
