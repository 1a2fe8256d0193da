"""Render a set of labelled river scenes.

    python -m detection.training.renders --families train --count 300 --seed 1 --out DIR

Run again with the same arguments to go on where it stopped, or with a larger count for more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from detection.training.renders.families import SPLITS
from detection.training.renders.source import plan_scenes, render_set
from geo.errors import PatrolError


def main(
    out: Annotated[Path, typer.Option(help="数据集目录 · where the set is written")],
    families: Annotated[
        str, typer.Option(help="场景族: train、val 或 test · which families of scenes")
    ] = "train",
    count: Annotated[int, typer.Option(min=1, help="图片数量 · number of pictures")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="随机种子 · seed")] = 1,
    samples: Annotated[int, typer.Option(min=1, max=256, help="每像素采样数 · rays a pixel")] = 4,
    threads: Annotated[int, typer.Option(min=1, help="线程数 · threads")] = 2,
) -> None:
    """渲染带标注的河道场景图片 · render labelled pictures of river scenes."""
    split = next((known for known in SPLITS if known == families), None)
    if split is None:
        raise typer.BadParameter(
            f"{families!r}: expected one of {', '.join(SPLITS)}", param_hint="--families"
        )
    started = time.monotonic()
    first: list[int] = []

    def advance(done: int, of: int) -> None:
        first.append(done)
        made = done - first[0]
        rate = f", {(time.monotonic() - started) / made:.1f} s a picture" if made else ""
        print(f"{done}/{of}{rate}", file=sys.stderr, flush=True)

    try:
        made = render_set(
            plan_scenes(split, count, seed, samples=samples), out, threads=threads, advance=advance
        )
    except PatrolError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("已停止，已完成的图片保留 · stopped; the pictures made are kept", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{out}: {made} new, {count} in all")


if __name__ == "__main__":
    typer.run(main)
