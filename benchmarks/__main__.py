"""`python -m benchmarks NAME [--seed N]` measures one figure; `--list` names them all."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from benchmarks.figures import Figure, Skipped
from benchmarks.registry import FIGURES
from geo.errors import PatrolError

__all__ = ["main"]


def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Figures to measure; --list shows them.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of worlds, noise and mutations.")] = 101,
    list_: Annotated[
        bool, typer.Option("--list", help="Name all figures and what they cost.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Measure every figure.")] = False,
) -> None:
    """Measure named figures; the last line of each is NAME value unit target met|short."""
    if list_:
        for figure in FIGURES.values():
            print(
                f"{figure.name:26} {figure.sense} {figure.target:g} {figure.unit:12} "
                f"about {figure.minutes:g} min  {figure.what}"
            )
        return
    wanted = list(FIGURES) if all_ else (names or [])
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown or not wanted:
        said = f"no figure named {unknown[0]!r}" if unknown else "name a figure"
        print(f"{said}; python -m benchmarks --list names them", file=sys.stderr)
        raise typer.Exit(2)
    results = [_measure(FIGURES[name], seed) for name in wanted]
    raise typer.Exit(0 if all(results) else 1)


def _measure(figure: Figure, seed: int) -> bool:
    try:
        value = figure.measure(seed)
    except Skipped as reason:
        print(f"{figure.name} - {figure.unit} {figure.sense} {figure.target:g} skipped: {reason}")
        return False
    except PatrolError as error:
        print(f"{figure.name} - {figure.unit} {figure.sense} {figure.target:g} short: {error}")
        return False
    print(figure.line(value), flush=True)
    return figure.met(value)


def main() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(run)
    app()


if __name__ == "__main__":
    main()
