"""How a session sounds: engines, MIDI ports, the mix."""
