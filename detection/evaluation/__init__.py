"""Evaluating a detector: on labelled pictures and on whole patrols of the virtual river."""
