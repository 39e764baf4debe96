"""Who writes melodies in `segue/Melody-v0`: baselines, the study, training of the note model."""
