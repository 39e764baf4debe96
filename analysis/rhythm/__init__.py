"""Onsets, beats, downbeats, tempo and swing, of recordings and live."""
