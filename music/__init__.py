"""The ground: what music is (scores, time, theory, files, cues, arranger, world)."""
