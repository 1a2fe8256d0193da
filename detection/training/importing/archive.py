"""Opening a set that came as a ZIP archive, without trusting what the archive says."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES

__all__ = ["opened"]

_KINDS = PICTURE_SUFFIXES | {".txt", ".xml", ".json", ".yaml", ".yml", ".names", ".data", ".jsonl"}
_MOST_FILES = 500_000
_MOST_RATIO = 200.0  # pictures hardly shrink; text by ten
_UNSUSPICIOUS_BYTES = 64 << 20
_UTF8_FLAG = 0x800


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """Yield the folder `source`, or a temporary one with what the ZIP archive `source` holds.

    Only pictures and label files are unpacked. Raises `TrainingError` for an archive that is
    damaged or encrypted, that names files outside of itself, or that unpacks to far more than it
    is or than there is room for.
    """
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise TrainingError(f"{source}: no such folder or archive; check the path")
    if source.suffix.lower() != ".zip":
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="patrol-import-") as name:
        folder = Path(name)
        _unpack(source, folder)
        yield folder


def _unpack(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            wanted = [(m, _inside(source, m)) for m in members]
            wanted = [(m, to) for m, to in wanted if to.suffix.lower() in _KINDS]
            _check_size(source, [m for m, _ in wanted], folder)
            for member, to in wanted:
                target = folder / to
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as stream, target.open("xb") as out:
                    shutil.copyfileobj(stream, out)
    except FileExistsError as error:
        raise TrainingError(
            f"{source}: holds {Path(error.filename).name} twice; pack it again"
        ) from None
    except RuntimeError:  # what zipfile raises for a password
        raise TrainingError(
            f"{source}: encrypted; unpack it yourself and name the folder"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise TrainingError(
            f"{source}: not a ZIP archive that can be read ({str(error)[:60]}); download it again"
        ) from None


def _inside(source: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member goes, as a path below the folder."""
    name = member.filename
    if not member.flag_bits & _UTF8_FLAG:
        try:  # Chinese Windows packs names in GBK; zipfile took them for CP437
            name = name.encode("cp437").decode("gbk")
        except UnicodeError:
            name = member.filename
    path = PurePosixPath(name.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in path.parts[0]
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise TrainingError(
            f"{source}: {name!r:.80} points outside of the archive; do not trust it"
        )
    return path


def _check_size(source: Path, members: list[zipfile.ZipInfo], folder: Path) -> None:
    total = sum(m.file_size for m in members)
    packed = max(1, source.stat().st_size)
    if len(members) > _MOST_FILES or (total > _UNSUSPICIOUS_BYTES and total > _MOST_RATIO * packed):
        raise TrainingError(
            f"{source}: unpacks {len(members)} files, {total / 1e6:.0f} MB, from "
            f"{packed / 1e6:.1f} MB; not a data set"
        )
    free = shutil.disk_usage(folder).free
    if total > 0.9 * free:
        raise TrainingError(
            f"{source}: unpacks to {total / 1e9:.1f} GB, {folder} has room for {free / 1e9:.1f}; "
            "unpack it elsewhere and name the folder (TMPDIR says where temporary files go)"
        )
