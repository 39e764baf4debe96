"""Accompanists of `segue/Accompany-v0`: rules, learned models, and reinforcement learning."""
