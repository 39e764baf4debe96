"""All that the ears find in one file, told and drawn."""
