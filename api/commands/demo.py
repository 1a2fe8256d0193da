"""`patrol demo`: the whole chain, stage by stage, each through the command that a person types."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note, stop
from geo.errors import PatrolError
from geo.files import write_text

__all__ = ["register"]

DEFAULT_AREA = Path(__file__).resolve().parents[2] / "sample_footage" / "luogang"
_SERVER_START_S = 30.0


def _patrol(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "api", *(str(word) for word in words)]


def _stage(title: str, *words: str | Path) -> float:
    """Run one stage; leaves with its exit code where it fails. Returns its seconds."""
    note(f"\n== {title}\n$ patrol {' '.join(str(word) for word in words)}")
    started = time.monotonic()
    process = subprocess.Popen(_patrol(*words), stdout=sys.stderr)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # the stage got the same Ctrl-C: let it stop cleanly
        process.wait()
        raise
    if code != 0:
        stop(f"the stage {words[0]!r} ended with exit code {code}; the demo stops here", code)
    return time.monotonic() - started


def _port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _stop_server(pid_file: Path) -> bool:
    """End the server that an earlier demo started, if it still runs and is ours."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        pid_file.unlink(missing_ok=True)
        return False
    if b"serve" not in command:
        pid_file.unlink(missing_ok=True)
        return False
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or _is_zombie(pid):
            break
        time.sleep(0.1)
    pid_file.unlink(missing_ok=True)
    return True


def _is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def _start_server(out: Path, area: Path, port: int, pid_file: Path) -> str:
    """Start the console in the background and wait until it answers."""
    import httpx

    url = f"http://127.0.0.1:{port}"
    log = (out / "server.log").open("w")
    server = subprocess.Popen(
        _patrol("serve", "--area", area, "--patrols", out, "--port", str(port)),
        stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    write_text(pid_file, f"{server.pid}\n")
    deadline = time.monotonic() + _SERVER_START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            last = (out / "server.log").read_text().strip().splitlines() or ["no message"]
            stop(f"the console did not start: {last[-1]}")
        try:
            if httpx.get(f"{url}/api/health", timeout=2).status_code == 200:
                return url
        except httpx.HTTPError:
            time.sleep(0.3)
    raise PatrolError(
        f"the console did not answer on {url} within {_SERVER_START_S:.0f} s; see {log.name}"
    )


def register(app: typer.Typer) -> None:
    @app.command(help="演示全流程 Run the whole chain on a study area and serve the console.")
    def demo(
        out: Annotated[Path, typer.Option(help="Patrol folder to make.")] = Path("demo"),
        area: Annotated[Path, typer.Option(help="Study area's folder.")] = DEFAULT_AREA,
        seed: Annotated[int, typer.Option(help="Seed of the virtual river.")] = 2026,
        port: Annotated[int, typer.Option(help="Port of the console on 127.0.0.1.")] = 8000,
        backend: Annotated[
            str, typer.Option(help="What runs the model: auto, openvino, onnx or ultralytics.")
        ] = "auto",
        serve: Annotated[bool, typer.Option(help="Start the console at the end.")] = True,
        stop_server: Annotated[
            bool, typer.Option("--stop", help="Only stop the console that a demo started.")
        ] = False,
        as_json: JsonFlag = False,
    ) -> None:
        pid_file = out / "server.pid"
        was_running = _stop_server(pid_file)
        if stop_server:
            text = "console stopped" if was_running else "no console of this demo is running"
            emit({"stopped": was_running}, as_json=as_json, text=text)
            return
        if serve and not _port_is_free("127.0.0.1", port):
            stop(f"port {port} on 127.0.0.1 is in use; end what uses it or give another --port")
        analyze: list[str | Path] = ["analyze", out]
        if backend != "auto":
            analyze += ["--backend", backend]
        _clear(out)
        seconds = {
            "plan": _stage("规划 Plan", "plan", area, "--out", out, "--speed", "8"),
            "export": _stage("导出 Export mission files", "export", out),
            "fly": _stage("飞行 Fly, simulated vehicle over DroneKit", "fly", out),
            "film": _stage("拍摄 Film", "film", out, "--area", area, "--seed", str(seed)),
            "analyze": _stage("识别 Analyze", *analyze),
            "open-cases": _stage("派单 Open cases", "open-cases", out, "--area", area),
        }
        result: dict[str, Any] = {"patrol": str(out), "seconds": seconds}
        result["truth"] = _against_truth(out, area)
        if serve:
            result["url"] = _start_server(out, area, port, pid_file)
        emit(result, as_json=as_json, text=_summary(result))


def _clear(out: Path) -> None:
    """Remove what an earlier demo made in this folder; refuse a folder that is something else."""
    import shutil

    if out.exists():
        if not out.is_dir() or (any(out.iterdir()) and not (out / "plan.json").exists()):
            stop(f"{out}: exists and is not a patrol folder; give another --out")
        shutil.rmtree(out)


def _against_truth(out: Path, area: Path) -> dict[str, float]:
    from api.truth import compare_patrol

    return compare_patrol(out, area)


def _summary(result: dict[str, Any]) -> str:
    stages = ", ".join(f"{name} {value:.0f} s" for name, value in result["seconds"].items())
    truth = result["truth"]
    lines = [
        "",
        f"stages: {stages}",
        "against the planted truth: "
        f"{truth['found']} of {truth['planted']} found, "
        f"{truth['false_alerts_per_km']:.2f} false alerts per km, "
        f"median position error {truth['position_error_m']:.1f} m, "
        f"{100 * truth['right_community_share']:.0f} % in the right community",
    ]
    if "url" in result:
        lines.append(f"console: {result['url']}   (stop it with: make demo-stop)")
    return "\n".join(lines)
