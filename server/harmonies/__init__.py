"""Harmonies to a voice, from files and live."""
