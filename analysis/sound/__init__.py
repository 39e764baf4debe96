"""What a sound measures: features, loudness, roughness, clicks; files and streams of sound."""
