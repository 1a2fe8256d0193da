"""`patrol serve`: the API and the console."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonFlag, emit, note, stop

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    @app.command(
        help="控制台 Serve the web console and its API over patrol folders and the database of "
        "cases. Ctrl-C ends it."
    )
    def serve(
        area: Annotated[Path, typer.Option(help="Study area's folder.")],
        patrols: Annotated[
            list[Path],
            typer.Option(help="A patrol's folder, or a folder of patrols; give it as often as "
                         "there are."),
        ],
        database: Annotated[
            str | None,
            typer.Option(
                envvar="RIVER_PATROL_DATABASE",
                help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME "
                "[default: river-patrol.db in the first --patrols folder]",
            ),
        ] = None,
        host: Annotated[
            str, typer.Option(help="Address to listen on; 0.0.0.0 is every network.")
        ] = "127.0.0.1",
        port: Annotated[
            int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
        ] = 8000,
        allowed_host: Annotated[
            list[str] | None,
            typer.Option(help="A name that browsers may call this server by (any, if it listens "
                         "beyond this machine and none is given)."),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:  # fmt: skip
        import uvicorn

        from api.app import create_app
        from api.commands.open_cases import default_database
        from api.settings import Settings

        for folder in patrols:
            if not folder.is_dir():
                stop(f"{folder}: no such patrol folder; run `patrol plan` first")
        with closing(_listen(host, port)) as listener:
            settings = Settings(
                area=area,
                patrols=tuple(patrols),
                database=database or default_database(patrols[0]),
                host=host,
                port=listener.getsockname()[1],
                allowed_hosts=tuple(allowed_host or ()),
            )
            application = create_app(settings)
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{settings.port}"
            emit(
                {"url": url}, as_json=as_json, text=f"控制台 console: {url}  (Ctrl-C 结束 ends it)"
            )
            config = uvicorn.Config(application, log_level="warning", server_header=False)
            with suppress(KeyboardInterrupt):  # uvicorn shuts down first, then passes it on
                uvicorn.Server(config).run(sockets=[listener])
            note("控制台已停止 console stopped")


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; leaves with one line where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        stop(
            f"{host}:{port}: cannot be listened on ({reason}); end what uses the port {port} or "
            "give another --port"
        )
    return listener
