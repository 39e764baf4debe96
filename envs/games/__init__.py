"""Games: what they report, how they were played, and the moods they want of their music."""
