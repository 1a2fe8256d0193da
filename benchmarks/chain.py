"""The whole chain on the study area, against the planted truth of a world with a given seed.

One run serves the four figures: the patrol folder is kept under .cache/, named after the commit,
the uncommitted state and the seed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from geo.errors import PatrolError

__all__ = [
    "false_alerts_per_km",
    "found_share",
    "position_error_m",
    "right_community_share",
    "state",
]

ROOT = Path(__file__).resolve().parent.parent
AREA = ROOT / "sample_footage" / "luogang"
# What the result depends on; a change to the console or to a test need not film again.
_SOURCES = ("geo", "patrol", "detection", "dispatch", "api/commands", "models", "sample_footage")


def state() -> str:
    """A short name for the present state of everything that a patrol's result depends on."""
    digest = hashlib.sha256()
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *_SOURCES],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    for name in sorted(filter(None, files)):
        path = ROOT / name
        if path.is_file():
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=4)
def _result(seed: int) -> dict[str, Any]:
    from api.truth import compare_patrol

    out = ROOT / ".cache" / f"chain-{state()}-{seed}"
    if not (out / "cases.json").exists():
        command = [sys.executable, "-m", "api", "demo", "--no-serve"]
        command += ["--out", str(out), "--area", str(AREA), "--seed", str(seed)]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
            raise PatrolError(f"the chain did not run through with seed {seed}")
    result: dict[str, Any] = compare_patrol(out, AREA)
    print("  ".join(f"{key} {value}" for key, value in result.items() if key != "misses"))
    return result


def found_share(seed: int) -> float:
    """Planted violations found, %."""
    result = _result(seed)
    return 100.0 * float(result["found"]) / float(result["planted"])


def false_alerts_per_km(seed: int) -> float:
    """Alerts that match no planted violation, per kilometre of river."""
    return float(_result(seed)["false_alerts_per_km"])


def position_error_m(seed: int) -> float:
    """Median distance of a found violation's position from the truth, m."""
    return float(_result(seed)["position_error_m"])


def right_community_share(seed: int) -> float:
    """Found violations whose most probable community is the right one, %."""
    return 100.0 * float(_result(seed)["right_community_share"])
