"""The voice: pyo instruments, engine, MIDI output and rendering."""
