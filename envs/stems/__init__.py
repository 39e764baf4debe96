"""`segue/Stems-v0`: sections, layers and transitions of recorded music, only where authored."""
