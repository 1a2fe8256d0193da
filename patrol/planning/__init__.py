"""Planning: corridor, lanes, coverage, routes round no-fly zones, energy, sorties."""
