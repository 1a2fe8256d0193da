"""Recipes for training sets: read, and made."""
