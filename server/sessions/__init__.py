"""One listener's performance: commands, events, questions, logs."""
