"""Directors of recorded music: who goes to which section, and which parts sound."""
