"""The ears for written music: features of bars and how notes are set."""
