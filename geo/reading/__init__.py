"""Reading map files: vector formats, airspace, terrain, and the datums that they come in."""
