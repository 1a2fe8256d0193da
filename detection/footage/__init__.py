"""Footage: videos and photos, their pictures and the pose of each."""
