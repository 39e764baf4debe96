"""Keys, chords, Roman numerals, cadences and tension."""
