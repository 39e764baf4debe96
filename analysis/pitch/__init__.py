"""Pitch over time: of a voice, of an instrument, of the leading part of a mix; tuning."""
