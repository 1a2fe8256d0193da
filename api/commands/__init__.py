"""The command line, `patrol`: one module a command."""

from __future__ import annotations

import importlib

import typer

from api.commands.common import run_app

__all__ = ["app", "main"]

app = typer.Typer(
    name="patrol",
    help="River Patrol 无人机巡河: plan, fly, film, analyze, and raise orders. "
    "Each command reads files and writes files; run them in the order shown.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The order of the chain. Each module has `register(app)`, and imports heavy libraries only when
# its command runs, so that `patrol --help` is instant.
for _name in (
    "plan",
    "check",
    "export",
    "fly",
    "tell",
    "vehicle",
    "film",
    "analyze",
    "compare",
    "open_cases",
    "serve",
    "dataset",
    "train",
    "evaluate",
    "demo",
):
    importlib.import_module(f"api.commands.{_name}").register(app)


def main() -> None:
    """Entry point of the `patrol` command."""
    run_app(app)
