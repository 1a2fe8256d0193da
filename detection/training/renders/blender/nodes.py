"""A short way of writing shader node graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy  # type: ignore[import-not-found]

from detection.training.renders.blender.noises import CELLS, noise_image

__all__ = ["Graph"]


class Graph:
    """A material being wired up. Values may be numbers, colours or sockets of other nodes."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        if self.material.node_tree is None:
            self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.out = self.tree.nodes.new("ShaderNodeOutputMaterial")
        self._shared: dict[str, Any] = {}
        self._uses = 0

    def node(self, kind: str, inputs: dict[Any, Any] | None = None, **settings: Any) -> Any:
        made = self.tree.nodes.new("ShaderNode" + kind)
        for key, value in settings.items():
            setattr(made, key, value)
        for key, value in (inputs or {}).items():
            self.set(made.inputs[key], value)
        return made

    def set(self, socket: Any, value: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, (tuple, list)) and len(value) == 3 and socket.type == "RGBA":
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def _once(self, key: str, kind: str, output: str) -> Any:
        if key not in self._shared:
            self._shared[key] = self.node(kind).outputs[output]
        return self._shared[key]

    @property
    def world(self) -> Any:
        """World position in metres."""
        return self._once("world", "NewGeometry", "Position")

    @property
    def local(self) -> Any:
        """Object coordinates in metres."""
        return self._once("local", "TexCoord", "Object")

    @property
    def uv(self) -> Any:
        return self._once("uv", "TexCoord", "UV")

    @property
    def random(self) -> Any:
        """A number from 0 to 1, another for each object and instance."""
        return self._once("random", "ObjectInfo", "Random")

    def axis(self, vector: Any, which: str) -> Any:
        return self.node("SeparateXYZ", {0: vector}).outputs[which.upper()]

    def scaled(
        self, vector: Any, scale: Sequence[float], offset: Sequence[float] = (0, 0, 0)
    ) -> Any:
        return self.node(
            "Mapping", {"Vector": vector, "Scale": tuple(scale), "Location": tuple(offset)}
        ).outputs[0]

    def _flat(self, vector: Any) -> Any:
        """The vector with its height sheared into x and y, so that walls get noise too."""
        key = f"flat {vector.node.name} {vector.name}"
        if key not in self._shared:
            z = self.node("CombineXYZ", {0: self.axis(vector, "z"), 1: self.axis(vector, "z")})
            self._shared[key] = self.node(
                "VectorMath", {0: z.outputs[0], 1: (0.73, 0.61, 0.0), 2: vector},
                operation="MULTIPLY_ADD",
            ).outputs[0]  # fmt: skip
        return self._shared[key]

    def noise(self, vector: Any, scale: float, rough: float = 0.55) -> Any:
        """Fractal noise of mean 0.5 whose coarsest cells measure 1 / scale."""
        self._uses += 1
        turn = 0.7 + 1.9 * self._uses
        at = self.node(
            "Mapping",
            {"Vector": self._flat(vector), "Scale": (scale / CELLS,) * 3,
             "Rotation": (0.0, 0.0, turn), "Location": (0.37 * self._uses, 0.61 * self._uses, 0.0)},
        ).outputs[0]  # fmt: skip
        return self.node("TexImage", {0: at}, image=noise_image(rough)).outputs[0]

    def cells(self, vector: Any, scale: float, edge: bool = False, jitter: float = 1.0) -> Any:
        """Voronoi: distance to the cell edge, or the cell's random colour."""
        feature = "DISTANCE_TO_EDGE" if edge else "F1"
        made = self.node(
            "TexVoronoi", {"Vector": vector, "Scale": scale, "Randomness": jitter},
            feature=feature, voronoi_dimensions="2D",
        )  # fmt: skip
        return made.outputs["Distance"] if edge else made.outputs["Color"]

    def math(self, operation: str, a: Any, b: Any = 0.0, clamp: bool = False) -> Any:
        return self.node("Math", {0: a, 1: b}, operation=operation, use_clamp=clamp).outputs[0]

    def span(
        self, value: Any, low: float, high: float, to: tuple[float, float] = (0.0, 1.0)
    ) -> Any:
        """Linear from [low, high] to `to`, clamped."""
        return self.node(
            "MapRange",
            {"Value": value, "From Min": low, "From Max": high, "To Min": to[0], "To Max": to[1]},
            clamp=True,
        ).outputs[0]

    def mix(self, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """Colours a to b."""
        made = self.node("Mix", data_type="RGBA", blend_type=blend)
        self.set(made.inputs[0], factor)
        self.set(made.inputs[6], a)
        self.set(made.inputs[7], b)
        return made.outputs[2]

    def shade(self, colour: Any, value: Any, low: float = 0.6, high: float = 1.4) -> Any:
        """The colour made darker or brighter by a value about 0.5 (0.25 to 0.75)."""
        grey = self.span(value, 0.25, 0.75, (low, high))
        level = self.node("CombineColor", {0: grey, 1: grey, 2: grey}).outputs[0]
        return self.mix(1.0, colour, level,
                        "MULTIPLY")  # fmt: skip

    def bump(self, height: Any, depth_m: float, strength: float = 1.0, normal: Any = None) -> Any:
        inputs: dict[Any, Any] = {"Height": height, "Distance": depth_m, "Strength": strength}
        if normal is not None:
            inputs["Normal"] = normal
        return self.node("Bump", inputs).outputs[0]

    def finish(
        self, colour: Any, rough: Any = 0.9, normal: Any = None, metal: float = 0.0,
        specular: float = 0.35,
    ) -> Any:  # fmt: skip
        """Connect a surface; returns the material. Where it is rough, the plain diffuse shader
        does, at half the cost of the principled one."""
        if isinstance(rough, float) and rough >= 0.8 and not metal:
            shader = self.node("BsdfDiffuse", {"Color": colour, "Roughness": 0.5})
            if normal is not None:
                self.set(shader.inputs["Normal"], normal)
            self.tree.links.new(shader.outputs[0], self.out.inputs[0])
            return self.material
        shader = self.node(
            "BsdfPrincipled",
            {"Base Color": colour, "Roughness": rough, "Metallic": metal,
             "Specular IOR Level": specular},
        )  # fmt: skip
        if normal is not None:
            self.set(shader.inputs["Normal"], normal)
        self.tree.links.new(shader.outputs[0], self.out.inputs[0])
        return self.material
