"""Notes of many voices, of one line, and strokes of drums."""
