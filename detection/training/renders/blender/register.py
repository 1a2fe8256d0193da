"""Which object index belongs to which thing: what the labels are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "Register", "Thing"]

_FIRST = 10  # below: water, terrain, plants


@dataclass(slots=True)
class Part:
    """One object index; several objects may share it."""

    index: int
    name: str
    objects: list[Any] = field(default_factory=list)

    def triangles(self) -> NDArray[np.float64]:
        """World corners (N, 3, 3) of all its triangles."""
        found = []
        for thing in self.objects:
            mesh = thing.data
            mesh.calc_loop_triangles()
            corners = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", corners)
            faces = np.empty(len(mesh.loop_triangles) * 3, np.int32)
            mesh.loop_triangles.foreach_get("vertices", faces)
            matrix = np.array(thing.matrix_world)
            world = corners.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
            found.append(world[faces.reshape(-1, 3)])
        return np.concatenate(found) if found else np.empty((0, 3, 3))


@dataclass(slots=True)
class Thing:
    """Something that may be labelled. `label` is a class of the project, or "" for clutter."""

    label: str
    kind: str
    parts: list[Part] = field(default_factory=list)


class Register:
    """All the things of a scene."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self._next = _FIRST

    def thing(self, label: str, kind: str) -> Thing:
        made = Thing(label, kind)
        self.things.append(made)
        return made

    def add(self, placed: Any, thing: Thing, part: str) -> Any:
        """Give a placed object the index of this part of the thing."""
        for known in thing.parts:
            if known.name == part:
                break
        else:
            known = Part(self._next, part)
            self._next += 1
            thing.parts.append(known)
        placed.pass_index = known.index
        known.objects.append(placed)
        return placed
