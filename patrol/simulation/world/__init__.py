"""The virtual river that the simulated camera films."""

from patrol.simulation.world.world import World

__all__ = ["World"]
