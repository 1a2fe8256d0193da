"""Physically based training pictures of river scenes, drawn from seeds and rendered with Blender.

`families` says which kinds of scene there are and which of them training never sees,
`specification` draws scenes, `blender/` (run by an interpreter of its own that has bpy) builds and
renders them, `post` does what lens, sensor and air do, `labels` decides what counts, `source`
ties them together.
"""
