"""The ears: what is heard in notes and sound, and what it expresses."""
