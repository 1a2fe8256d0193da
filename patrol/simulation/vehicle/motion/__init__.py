"""How the vehicle moves: body, wind, battery, and the path that it is led along."""
