"""Sections, repeats, loop points and intensity, and cues made of them."""
