"""The frame of a subtitle file (SubRip): numbered blocks with a time range and lines of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from detection.errors import SubtitleError

__all__ = ["Block", "read_blocks"]

_TIMES = re.compile(
    r"\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*"
    r"(\d{1,3}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*$"
)
# Two hours at 60 frames a second are about 130 MB; a video handed in by mistake is far larger.
_MOST_BYTES = 400_000_000
_MOST_BAD_SHARE = 0.2
_WANT = "expected the .SRT that the drone wrote beside the video"


@dataclass(frozen=True, slots=True)
class Block:
    """One subtitle block: `line` is where its time range stands in the file, from 1."""

    line: int
    start_s: float
    end_s: float
    text: str


def read_blocks(path: Path) -> tuple[list[Block], list[str]]:
    """All blocks of a file in its order, and warnings about blocks that cannot be read.

    Takes UTF-8 with or without a byte-order mark, UTF-16 with one, any line ends, any number of
    blank lines between blocks. Raises SubtitleError for what is not a subtitle file.
    """
    lines = _lines(path)
    heads = [i for i, line in enumerate(lines) if "-->" in line]
    if not heads:
        raise SubtitleError(
            f"{path}: line 1: no subtitle block in {len(lines)} lines "
            f"(begins with {_shown(lines)}); {_WANT}"
        )
    blocks: list[Block] = []
    bad: list[int] = []
    for at, head in enumerate(heads):
        end = heads[at + 1] if at + 1 < len(heads) else len(lines)
        body = lines[head + 1 : end]
        if at + 1 < len(heads) and body and body[-1].strip().isdigit():
            body = body[:-1]  # the next block's number
        text = "\n".join(line.strip() for line in body if line.strip())
        if at + 1 < len(heads) or not lines[-1].strip():
            text += "\n"  # else the file ends within the line
        times = _TIMES.match(lines[head])
        if times is None:
            bad.append(head + 1)
            continue
        blocks.append(Block(head + 1, _seconds(times, 1), _seconds(times, 5), text))
    if not blocks or len(bad) > max(1, _MOST_BAD_SHARE * len(heads)):
        raise SubtitleError(
            f"{path}: line {bad[0]}: time range {lines[bad[0] - 1].strip()[:40]!r} is not "
            f"'hours:minutes:seconds,ms --> …', in {len(bad)} of {len(heads)} blocks; {_WANT}"
        )
    warnings = []
    if bad:
        warnings.append(
            f"line {bad[0]}: time range unreadable; {len(bad)} of {len(heads)} blocks left out"
        )
    return blocks, warnings


def _lines(path: Path) -> list[str]:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise SubtitleError(f"{path}: line 1: {size / 1e6:.0f} MB is no subtitle file; {_WANT}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise SubtitleError(f"{path}: no such subtitle file; {_WANT}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SubtitleError(f"{path}: the subtitle cannot be read ({reason})") from None
    if not data.strip():
        raise SubtitleError(f"{path}: line 1: the subtitle file is empty; {_WANT}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise SubtitleError(f"{path}: line {line}: binary data, not text; {_WANT}")
    else:
        # Damage in one field (or a Latin-1 degree sign) must not cost the whole file.
        text = data.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _shown(lines: list[str]) -> str:
    first = next((line.strip() for line in lines if line.strip()), "")
    return ascii(first[:40]) if first else "blank lines"


def _seconds(match: re.Match[str], group: int) -> float:
    hours, minutes, seconds = (int(match[group + i]) for i in range(3))
    return hours * 3600.0 + minutes * 60.0 + seconds + int(match[group + 3].ljust(3, "0")) / 1000
