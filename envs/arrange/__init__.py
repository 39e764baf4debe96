"""`segue/Arrange-v0`: keep the music in step with a game, for a listener nobody knows."""
