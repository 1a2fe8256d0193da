"""Data sets on disk: writing them, dividing them, telling copies, checking them."""
