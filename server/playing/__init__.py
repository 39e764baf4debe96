"""People at a session: the keyboard, MIDI, players, the demo."""
