"""What the formats of `geo.reading.vector` need around GDAL: the KML inside a KMZ, and the files
beside a Shapefile."""

from __future__ import annotations

import codecs
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geo.errors import LayerError

__all__ = ["sibling", "table_encoding", "unpacked"]


def sibling(path: Path, suffix: str) -> Path | None:
    """The file of the same name with another suffix, in whatever case."""
    wanted = (path.stem + suffix).casefold()
    return next((p for p in path.parent.iterdir() if p.name.casefold() == wanted), None)


@contextmanager
def unpacked(path: Path, max_bytes: int) -> Iterator[Path]:
    """The file that GDAL is to open: itself, or the KML inside a KMZ, of `max_bytes` at most.

    Raises LayerError.
    """
    if path.suffix.lower() != ".kmz":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="river-patrol-") as folder:
        inner = Path(folder) / "doc.kml"
        try:
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if n.lower().endswith(".kml")]
                if not names:
                    raise LayerError(f"{path}: the archive holds no .kml; is it a KMZ?")
                name = next((n for n in names if n.lower() == "doc.kml"), names[0])
                with archive.open(name) as packed:
                    data = packed.read(max_bytes + 1)  # whatever size the directory claims
        except (
            zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError,
            RuntimeError, KeyError, MemoryError,
        ) as error:  # fmt: skip
            raise LayerError(
                f"{path}: not a readable KMZ ({' '.join(str(error).split())})"
            ) from None
        if len(data) > max_bytes:
            raise LayerError(
                f"{path}: {name} unpacks to more than {max_bytes / 1e6:.0f} MB; "
                "cut the area out first"
            )
        inner.write_bytes(data)
        yield inner


def table_encoding(file: Path) -> str | None:
    """The encoding of a Shapefile's table that does not say: UTF-8 where it is, else GB 18030,
    which is what Chinese programs wrote. None leaves it to GDAL."""
    if file.suffix.lower() != ".shp" or sibling(file, ".cpg") is not None:
        return None
    dbf = sibling(file, ".dbf")
    if dbf is None:
        return None
    with dbf.open("rb") as table:
        data = table.read(1 << 20)
    if len(data) < 32 or data[29] not in (0, 0x57):  # 0x57 is "whatever Windows uses"
        return None
    text = data[int.from_bytes(data[8:10], "little") :]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"
