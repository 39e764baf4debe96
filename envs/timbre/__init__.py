"""Turn a synthesizer's knobs so that what is heard follows a sound."""
