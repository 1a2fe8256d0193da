"""The camera of the virtual river: from a world and a pose to a picture."""
