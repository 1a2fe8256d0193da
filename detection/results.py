"""What an analysis leaves behind, all of it or nothing.

Everything is written into a folder of its own first; only when that is complete it takes the
place of an earlier result. An error or an interruption leaves what was there as it was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

__all__ = ["RESULTS", "package_versions", "replacing_results", "sha256_of"]

RESULTS = ("evidence", "sighting_ellipses.geojson", "sightings.geojson", "manifest.json")

# What the result can depend on; other packages change nothing in it.
_PACKAGES = ("av", "numpy", "opencv-python-headless", "openvino", "pyproj", "scipy", "shapely")


@contextmanager
def replacing_results(out: Path, names: Sequence[str] = RESULTS) -> Iterator[Path]:
    """Yield a folder to write `names` into; on leaving they take their places in `out`.

    If the block raises, `out` stays as it was, or is not made at all.
    """
    out = out.absolute()
    there = out.is_dir()
    (out if there else out.parent).mkdir(parents=True, exist_ok=True)
    stage = Path(
        tempfile.mkdtemp(
            prefix=".analysis-" if there else f".{out.name}-",
            suffix=".part",
            dir=out if there else out.parent,
        )
    )
    try:
        fresh, before = stage / "new", stage / "before"
        fresh.mkdir()
        before.mkdir()
        yield fresh
        if there:
            _exchange(fresh, out, before, names)
        else:
            fresh.replace(out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _exchange(fresh: Path, out: Path, before: Path, names: Sequence[str]) -> None:
    """Move `names` from `fresh` to `out`, what was there to `before`; all or none of them."""
    try:
        for name in names:
            if os.path.lexists(out / name):
                (out / name).replace(before / name)
            if (fresh / name).exists():
                (fresh / name).replace(out / name)
    except BaseException:
        for name in names:
            if os.path.lexists(before / name):
                if (out / name).is_dir():
                    shutil.rmtree(out / name)
                (before / name).replace(out / name)
        raise


def sha256_of(path: Path) -> str:
    """Of a file, or of a folder's files with their names, in order."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of the packages that the result can depend on, of those installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
