"""What music expresses: models of valence and arousal, and how they were fitted."""
