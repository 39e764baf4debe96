"""Who may ask what, and how much: keys, tokens, rights, limits, the places of files."""
