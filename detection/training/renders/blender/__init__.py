"""Building and rendering scenes. Runs in an interpreter of its own that has bpy (Blender as a
Python module); imports nothing but bpy, NumPy, the standard library and `pinhole`."""
