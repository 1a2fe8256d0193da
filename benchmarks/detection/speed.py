"""The shipped detector beside ultralytics: time a frame, time from a cold start, memory.

Everything is timed in turn on the same 1920 x 1080 frame in one process on two cores, and compared
only within a run; on a machine with other work torch's figures grow out of proportion. Threads are
as ultralytics sets them (one for OpenCV, ours included, and one for torch; .pt with two is printed
beside). ultralytics' networks are exported from the same weights, at
640 px: its OpenVINO FP32 as `export` makes it (square), its INT8 in the rectangle that ours has, so
that both compute the same; the others of the two shapes are printed beside them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.detection.model import CLASSES_FILE, MODEL, ROOT
from benchmarks.figures import Skipped
from geo.errors import PatrolError

__all__ = ["cold_start_s", "memory_mb", "speed_vs_pt", "speed_vs_ultra_fp32", "speed_vs_ultra_int8"]

CLIP = ROOT / "sample_footage" / "clip" / "clip.mp4"
_ROUNDS = 15
_STARTS = 7
_THREADS = 2
_RECTANGLE = (384, 640)
_PEERS = {"FP32 square": ("32", 640), "FP32 rectangle": ("32", _RECTANGLE),
          "INT8 square": ("8", 640), "INT8 rectangle": ("8", _RECTANGLE)}  # fmt: skip

_OURS = f"""
import sys; from pathlib import Path; import cv2
from detection.backends import ClassList, open_detector
classes = ClassList.read(Path({str(CLASSES_FILE)!r}))
detector = open_detector(Path({str(MODEL)!r}), classes, "openvino")
[found] = detector.detect([cv2.imread(sys.argv[1])])
print("boxes", len(found), flush=True)
assert not {{"torch", "ultralytics"}} & set(sys.modules), "torch was imported"
"""
_THEIRS = """
import sys; import cv2
from detection.training.ultralytics_setup import import_yolo
model = import_yolo()(sys.argv[2], task="detect")
found = model.predict(cv2.imread(sys.argv[1]), imgsz=(384, 640), verbose=False)[0]
print("boxes", len(found), flush=True)
"""
# Not getrusage's peak, which a process takes over from the one that started it.
_PEAK = """
from pathlib import Path
rows = Path("/proc/self/status").read_text().splitlines()
print(next(row for row in rows if row.startswith("VmHWM")).split()[1])
"""


def speed_vs_pt(seed: int) -> float:
    """`YOLO('best.pt').predict`, its time to ours. `seed` is not used: nothing is drawn."""
    times = _times()
    return times["pt"] / times["ours"]


def speed_vs_ultra_fp32(seed: int) -> float:
    """`YOLO('best_openvino_model').predict` in 32 bits, its time to ours. `seed` is not used."""
    times = _times()
    return times["FP32 square"] / times["ours"]


def speed_vs_ultra_int8(seed: int) -> float:
    """The same in 8 bits and in a rectangle as ours. `seed` is not used."""
    times = _times()
    return times["INT8 rectangle"] / times["ours"]


def cold_start_s(seed: int) -> float:
    """From starting a process to its first box, median of seven; fails where torch was imported.
    ultralytics' is printed beside it. `seed` is not used."""
    return _starts()["ours", "s"]


def memory_mb(seed: int) -> float:
    """Most memory that such a process held. ultralytics' is printed beside it. `seed` is not
    used."""
    return _starts()["ours", "MB"]


def _check() -> None:
    from detection.training.ultralytics_setup import training_missing

    if (missing := training_missing()) is not None:
        raise Skipped(f"nothing to compare with: {missing}")


def _environment() -> dict[str, str]:
    quiet = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
    return os.environ | quiet | {"PYTHONPATH": str(ROOT)}


@lru_cache(maxsize=1)
def _times() -> dict[str, float]:
    """Median milliseconds a frame of ours and of each peer, printed."""
    _check()
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "benchmarks.detection.speed", scratch]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, env=_environment(), cwd=ROOT
        )
    if done.returncode != 0:
        raise PatrolError("timing the detector failed; see the messages above")
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    for name, ms in times.items():
        print(f"{name:15} {ms:6.1f} ms a frame, {ms / times['ours']:.2f} times ours")
    return times


@lru_cache(maxsize=1)
def _starts() -> dict[tuple[str, str], float]:
    """Median seconds to the first box and peak megabytes of ours and of ultralytics, printed."""
    _check()
    result = {}
    with tempfile.TemporaryDirectory() as scratch:
        frame = _frame_file(Path(scratch))
        with contextlib.redirect_stdout(sys.stderr):
            peer = _exported(Path(scratch), "INT8 rectangle")
        for name, script in (("ours", _OURS), ("ultralytics", _THEIRS)):
            seconds, megabytes = [], []
            for _ in range(_STARTS):
                start = time.perf_counter()
                process = subprocess.Popen(
                    [sys.executable, "-c", script + _PEAK, str(frame), str(peer)],
                    stdout=subprocess.PIPE, text=True, env=_environment(), cwd=ROOT,
                )  # fmt: skip
                assert process.stdout is not None
                said = next((row for row in process.stdout if row.startswith("boxes")), "")
                seconds.append(time.perf_counter() - start)
                peak = process.communicate()[0].split()
                if process.returncode != 0 or not said:
                    raise PatrolError(f"{name}: no boxes from a cold start; see above")
                megabytes.append(int(peak[-1]) / 1024)
            result[name, "s"], result[name, "MB"] = median(seconds), median(megabytes)
            print(f"{name:12} {median(seconds):.2f} s to the first box, {median(megabytes):.0f} MB")
    return result


def _frame() -> Any:
    from detection.footage.seek import frames_at

    return next(iter(frames_at(CLIP, [9.0]))).image


def _frame_file(folder: Path) -> Path:
    import cv2

    path = folder / "frame.png"
    if not cv2.imwrite(str(path), _frame()):
        raise PatrolError(f"{path}: cannot be written")
    return path


def _exported(scratch: Path, name: str) -> Path:
    """ultralytics' own OpenVINO export of our weights."""
    import shutil

    import cv2

    from detection.footage.seek import frames_at
    from detection.training.ultralytics_setup import load_yolo

    bits, size = _PEERS[name]
    out = scratch / f"{name.replace(' ', '_')}_openvino_model"
    weights = scratch / "best.pt"
    shutil.copyfile(MODEL / "best.pt", weights)
    more: dict[str, Any] = {}
    if bits == "8":
        images = scratch / "set" / "images" / "val"
        images.mkdir(parents=True, exist_ok=True)
        (scratch / "set" / "labels" / "val").mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames_at(CLIP, [1.0 + 2 * k for k in range(8)])):
            cv2.imwrite(str(images / f"{number}.jpg"), frame.image)
            (scratch / "set" / "labels" / "val" / f"{number}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        names = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))["classes"]
        listing = {"path": str(scratch / "set"), "train": "images/val", "val": "images/val",
                   "names": {row["id"]: row["name"] for row in names}}  # fmt: skip
        (scratch / "data.yaml").write_text(json.dumps(listing))  # which is YAML too
        more = {"quantize": 8, "data": str(scratch / "data.yaml")}
    made = load_yolo(weights).export(
        format="openvino", imgsz=size, device="cpu", verbose=False, **more
    )
    shutil.move(made, out)
    return out


def _measure(scratch: Path) -> dict[str, float]:
    """In a process of its own, as it limits what the process may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_THREADS])
    peers = {name: _exported(scratch, name) for name in _PEERS}
    import torch

    from detection.backends import ClassList, open_detector
    from detection.training.ultralytics_setup import import_yolo, load_yolo

    frame = _frame()
    detector = open_detector(MODEL, ClassList.read(CLASSES_FILE), "openvino")
    pt = load_yolo(MODEL / "best.pt")
    run: dict[str, Callable[[], Any]] = {
        "ours": lambda: detector.detect([frame]),
        "pt": lambda: pt.predict(frame, imgsz=640, device="cpu", verbose=False),
    }

    def pt_with_both() -> None:
        came = torch.get_num_threads()  # one on two cores, as ultralytics sets it
        torch.set_num_threads(_THREADS)
        run["pt"]()
        torch.set_num_threads(came)

    for name, folder in peers.items():
        model = import_yolo()(str(folder), task="detect")
        run[name] = partial(model.predict, frame, imgsz=_PEERS[name][1], verbose=False)
    for once in run.values():
        once()
    times = _in_turn(run)
    # Apart from the others: torch's second thread goes on spinning into what comes next.
    return times | _in_turn({"pt, 2 threads": pt_with_both})


def _in_turn(run: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median milliseconds of each; every round begins with another one."""
    taken: dict[str, list[float]] = {name: [] for name in run}
    names = list(run)
    for turn in range(_ROUNDS + 2):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            run[name]()
            if turn >= 2:
                taken[name].append((time.perf_counter() - start) * 1000)
    return {name: median(times) for name, times in taken.items()}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        measured = _measure(Path(sys.argv[1]))
    print(json.dumps(measured))
