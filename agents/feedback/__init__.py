"""Learning from real listeners: recorded sessions, who listened, and what to make of it."""
