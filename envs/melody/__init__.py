"""`segue/Melody-v0`: a melody, note by note, that keeps rules and stays near a learned model."""
