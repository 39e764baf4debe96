"""A cue in performance: bars decided ahead of the sound, and where they lie in time."""
