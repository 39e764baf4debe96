"""Who turns the knobs in `segue/Timbre-v0`: searches, tables, trained policies."""
