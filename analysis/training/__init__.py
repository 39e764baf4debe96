"""How the ears learn: labelled sound made from scores, and the training of the shipped networks.

Nothing here is needed to listen. Torch, music21 and FluidSynth are used here only.
"""
