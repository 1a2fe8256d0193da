"""From a clean clone: `make demo`, then `make test`; wall times and the size of the environment.

One clone serves the three figures: it is kept under .cache/, named after the commit, with what
was measured beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from geo.errors import PatrolError
from geo.files import write_text

__all__ = ["demo_minutes", "environment_mb", "test_minutes"]

ROOT = Path(__file__).resolve().parent.parent


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def _make(clone: Path, target: str, *settings: str) -> float:
    """Minutes that `make TARGET` takes; raises PatrolError where it fails."""
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "MAKEFLAGS")},
        "RIVER_PATROL_DATA": os.environ.get("RIVER_PATROL_DATA", str(ROOT.parent / "shared/data")),
    }
    started = time.monotonic()
    log = clone.with_name(f"{clone.name}-{target}.log")
    with log.open("w") as out:
        code = subprocess.run(
            ["make", target, *settings], cwd=clone, stdout=out, stderr=subprocess.STDOUT,
            env=environment, check=False,
        ).returncode  # fmt: skip
    if code != 0:
        raise PatrolError(f"make {target} ended with exit code {code} in a clean clone; see {log}")
    return (time.monotonic() - started) / 60


def _measured(key: str, seed: int) -> float:
    commit = _git("rev-parse", "HEAD")[:12]
    clone = ROOT / ".cache" / f"clone-{commit}-{seed}"
    notes = clone.with_name(clone.name + ".json")
    found: dict[str, float] = json.loads(notes.read_text()) if notes.exists() else {}
    if not clone.exists():
        clone.parent.mkdir(exist_ok=True)
        _git("clone", "--quiet", str(ROOT), str(clone))
    if "demo" not in found:
        found["demo"] = _make(clone, "demo", f"SEED={seed}")
        _make(clone, "demo-stop")
        write_text(notes, json.dumps(found))
    if key == "test" and "test" not in found:
        found["test"] = _make(clone, "test")
        write_text(notes, json.dumps(found))
    if "mb" not in found:
        kb = subprocess.run(
            ["du", "-sk", str(clone / ".venv")], check=True, capture_output=True, text=True
        ).stdout.split()[0]
        found["mb"] = int(kb) / 1024
        write_text(notes, json.dumps(found))
    return found[key]


def demo_minutes(seed: int) -> float:
    """Wall time of `make demo` from a clean clone, downloads and console build included."""
    return _measured("demo", seed)


def test_minutes(seed: int) -> float:
    """Wall time of `make test` after it."""
    return _measured("test", seed)


def environment_mb(seed: int) -> float:
    """Size of .venv after what was run so far."""
    return _measured("mb", seed)


test_minutes.__test__ = False  # type: ignore[attr-defined]
