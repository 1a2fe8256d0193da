"""Render scenes: `python -I render.py SPECS OUT`.

SPECS is a file with one specification a line (JSON, see scene.py). For each, OUT/NAME.png (the
picture, not yet finished) and OUT/NAME.json (what is seen where) are written, the latter last and
whole. Prints one line of JSON for each picture. One process renders many scenes, because starting
Blender takes longer than building one.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

import bpy  # type: ignore[import-not-found]
import numpy as np

from detection.training.renders.blender.afloat import build_afloat, build_litter
from detection.training.renders.blender.ashore import build_ashore
from detection.training.renders.blender.exr import read_channel
from detection.training.renders.blender.houses import build_building
from detection.training.renders.blender.labels import describe_plume, describe_thing
from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.outlets import build_outlet
from detection.training.renders.blender.plants import Plants
from detection.training.renders.blender.register import Register
from detection.training.renders.blender.terrain import Course, build_land
from detection.training.renders.blender.water import Patch, build_water, plume_field
from detection.training.renders.pinhole import Pinhole

_AFLOAT = {"duckweed", "leaves", "lily", "boat", "branch"}


def _clear() -> None:
    """Remove the scene before, but keep the meshes of plants."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing, do_unlink=True)
    for store in (bpy.data.meshes, bpy.data.materials, bpy.data.images, bpy.data.lights,
                  bpy.data.cameras):  # fmt: skip
        for block in list(store):
            if block.users == 0 or not block.use_fake_user:
                store.remove(block)


def _settings(spec: Any, threads: int) -> Any:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = (
        spec.camera.width_px,
        spec.camera.height_px,
    )
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_compositing = scene.render.use_sequencer = False
    scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.color_depth = "8"
    scene.render.image_settings.compression = 10
    scene.view_layers[0].use_pass_object_index = True
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.seed = spec.seed % 100_000
    cycles.use_adaptive_sampling = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 1
    cycles.use_light_tree = False
    cycles.transmission_bounces, cycles.transparent_max_bounces = 1, 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 1.6, 1.6
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_input_passes, cycles.denoising_prefilter = "RGB_ALBEDO_NORMAL", "NONE"
    cycles.denoising_quality = "FAST"
    return scene


def _camera(spec: Any, scene: Any) -> None:
    c = spec.camera
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
    data.lens = 36.0 * c.focal_px / c.width_px
    data.shift_x = (c.width_px / 2 - c.centre_x_px) / c.width_px
    data.shift_y = (c.centre_y_px - c.height_px / 2) / c.width_px
    data.clip_start, data.clip_end = 0.5, 2000.0
    camera = bpy.data.objects.new("camera", data)
    pinhole = Pinhole.of(c)
    right, up, forward = pinhole.axes
    from mathutils import Matrix  # type: ignore[import-not-found]

    rows = np.column_stack([right, up, -forward, pinhole.at_m])
    camera.matrix_world = Matrix([*rows.tolist(), [0, 0, 0, 1]])
    scene.collection.objects.link(camera)
    scene.camera = camera


def _light(spec: Any, scene: Any) -> None:
    light = spec.light
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = light.sun_w_m2, math.radians(light.sun_size_deg)
    sun.color = tuple(light.sun_colour)
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = (
        math.radians(90 - light.sun_elevation_deg), 0.0, math.radians(180 - light.sun_azimuth_deg)
    )  # fmt: skip
    scene.collection.objects.link(lamp)
    world = bpy.data.worlds.get("sky") or bpy.data.worlds.new("sky")
    scene.world = world
    # a map for aiming at bright parts of the sky takes longer to make than the picture
    world.cycles.sampling_method = "NONE"
    if world.node_tree is None:
        world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()

    def node(kind: str) -> Any:
        return tree.nodes.new("ShaderNode" + kind)

    way = node("TexCoord")
    split = node("SeparateXYZ")
    ramp = node("ValToRGB")
    cloud, mix = node("TexNoise"), node("Mix")
    back, out = node("Background"), node("OutputWorld")
    mix.data_type = "RGBA"
    cloud.inputs["Scale"].default_value, cloud.inputs["Detail"].default_value = 2.2, 4.0
    stops = ramp.color_ramp.elements
    stops[0].position, stops[0].color = 0.0, (*light.sky_horizon, 1)
    stops[1].position, stops[1].color = 0.55, (*light.sky_top, 1)
    tree.links.new(way.outputs["Generated"], split.inputs[0])
    tree.links.new(way.outputs["Generated"], cloud.inputs["Vector"])
    tree.links.new(split.outputs["Z"], ramp.inputs[0])
    clear = node("MapRange")
    for key, value in (("From Min", 0.5), ("From Max", 0.72), ("To Min", 0.0), ("To Max", 0.75)):
        clear.inputs[key].default_value = value
    tree.links.new(cloud.outputs[0], clear.inputs["Value"])
    tree.links.new(clear.outputs[0], mix.inputs[0])
    tree.links.new(ramp.outputs[0], mix.inputs[6])
    mix.inputs[7].default_value = (0.92, 0.92, 0.92, 1)
    tree.links.new(mix.outputs[2], back.inputs["Color"])
    back.inputs["Strength"].default_value = light.sky_strength
    tree.links.new(back.outputs[0], out.inputs[0])
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Base Contrast"
    scene.view_settings.exposure = light.exposure_stops


def _build(spec: Any, register: Register) -> tuple[list[tuple[Any, list[Patch]]], list[Patch]]:
    """Everything in the scene; returns the outlets with their plumes, and what else floats."""
    pinhole, course, palette = Pinhole.of(spec.camera), Course(spec), Palette()
    plants = Plants(course, pinhole, palette, spec.seed)
    low, high = plants.low - 25, plants.high + 25
    reach_s = (float(low[1]), float(high[1]))
    build_land(course, reach_s, palette)
    patches: list[Patch] = []
    plumes = []
    kept_free = []
    for outlet in spec.outlets:
        build_outlet(course, outlet, palette, register)
        x, y = course.xy(outlet.side, outlet.s_m, -0.3)
        kept_free.append((x, y, 1.2 + outlet.size_m))
        if outlet.plume:
            found = plume_field(course, outlet)
            patches += found
            plumes.append((outlet, found))
        if outlet.overgrown:
            run = course.sides[outlet.side].bank.run_m
            at = np.array(course.on_land(outlet.side, outlet.s_m, run * 0.6 + 0.6))
            plants.overgrow(at, outlet.side, 0.5 + outlet.size_m * 0.6, outlet.overgrown)
    for building in spec.buildings:
        build_building(course, building, palette, register)
        x, y, _ = course.on_land(building.side, building.s_m, building.back_m)
        kept_free.append((x, y, 0.5 * max(building.length_m, building.width_m) + 0.5))
    for waste in spec.litter:
        patches += build_litter(course, waste, palette, register)
    for c in spec.clutter:
        if c.kind in _AFLOAT:
            patches += build_afloat(course, c, palette, register)
        else:
            build_ashore(course, c, reach_s, palette, register)
            x, y, _ = course.on_land(c.side, c.s_m, c.back_m)
            kept_free.append((x, y, 1.5))
    build_water(course, low - 300, high + 300, patches)
    plants.grow(np.array(kept_free).reshape(-1, 3))
    own = {id(patch) for _, found in plumes for patch in found}
    return plumes, [patch for patch in patches if id(patch) not in own]


def _save(scene: Any, picture: Path) -> np.ndarray[Any, Any]:
    """Write the picture, and return the object index seen in each pixel (H, W)."""
    result, settings = bpy.data.images["Render Result"], scene.render.image_settings
    result.save_render(str(picture), scene=scene)
    layers = picture.with_suffix(".exr")
    settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.exr_codec = "OPEN_EXR_MULTILAYER", "NONE"
    settings.color_depth, settings.use_exr_interleave = "32", True
    result.save_render(str(layers), scene=scene)
    indices = read_channel(layers, "Object Index.X")
    layers.unlink()
    return np.rint(indices).astype(np.int64)


def render_scene(spec: Any, out: Path, threads: int) -> dict[str, Any]:
    """Build and render one scene; writes NAME.png and NAME.json and returns what took how long."""
    times = [time.monotonic()]
    _clear()
    scene = _settings(spec, threads)
    _camera(spec, scene)
    _light(spec, scene)
    register = Register()
    plumes, films = _build(spec, register)
    times.append(time.monotonic())
    scene.cycles.samples = spec.samples
    picture = out / f"{spec.name}.png"
    bpy.ops.render.render()
    times.append(time.monotonic())
    indices = _save(scene, picture)
    pinhole = Pinhole.of(spec.camera)
    seen = [describe_thing(thing, indices, pinhole) for thing in register.things]
    water = tuple(spec.river.colour)
    seen += [
        describe_plume(outlet, found, films, water, indices, pinhole) for outlet, found in plumes
    ]
    times.append(time.monotonic())
    names = ("build_s", "render_s", "label_s")
    spent = {n: round(b - a, 2) for n, a, b in zip(names, times[:-1], times[1:], strict=True)}
    record = {"name": spec.name, "things": [s for s in seen if s], "seconds": spent}
    beside = out / f"{spec.name}.json.part"
    beside.write_text(json.dumps(record), encoding="utf-8")
    beside.replace(out / f"{spec.name}.json")
    return record


def main(arguments: list[str]) -> int:
    specs, out = Path(arguments[0]), Path(arguments[1])
    threads = int(arguments[2]) if len(arguments) > 2 else (os.cpu_count() or 1)
    out.mkdir(parents=True, exist_ok=True)
    # Blender's C code reports every saved file on standard output: keep ours apart from it.
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in specs.read_text(encoding="utf-8").splitlines():
        spec = json.loads(line, object_hook=lambda fields: SimpleNamespace(**fields))
        record = render_scene(spec, out, threads)
        print(json.dumps({"name": record["name"], "seconds": record["seconds"]}), file=ours)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
