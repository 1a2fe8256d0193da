"""Labelled pictures of others: read whatever a labelling tool wrote, and lay it out as ours."""
