"""The arranger: who decides, bar by bar, how the music answers a game and its listener."""
