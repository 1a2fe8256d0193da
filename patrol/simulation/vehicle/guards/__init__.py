"""What can go wrong, by order or by itself, and what the autopilot does about it."""
