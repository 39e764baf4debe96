"""Chords for a melody that arrives in real time: the world of `segue/Accompany-v0`."""
