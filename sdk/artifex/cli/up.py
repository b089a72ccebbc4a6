"""`artifex up`: the whole studio on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from artifex.cli.output import Output, run
from artifex.credentials import home_folder
from artifex.errors import ArtifexError
from artifex.up import Ports, Stack, StackError

_COLOURS = ("cyan", "green", "yellow", "blue", "magenta", "bright_cyan", "bright_green", "bright_yellow", "bright_blue")
_LOUD = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


class NotStarted(ArtifexError):
    """The studio cannot be started."""


@click.command()
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="Default: ARTIFEX_HOME, else ~/.artifex."
)
@click.option("--port-base", type=click.IntRange(1024, 65000), help="The gateway's port; the others follow it.")
@click.option("--free-ports", is_flag=True, help="Take any free ports; see up.json in the home folder.")
@click.option("--workers", type=click.IntRange(1, 256), help="Render workers. Default: one per core.")
@click.option("--quiet", is_flag=True, help="Show warnings only. Everything is in the home folder's logs/ anyway.")
def up(home: Path | None, port_base: int | None, free_ports: bool, workers: int | None, quiet: bool) -> None:
    """Run the whole studio on this machine until Ctrl-C.

    Starts nats-server, Triton, every service, render workers and the gateway, waits until each is ready, and starts
    again what ends by itself. The first start makes a tenant and an admin, and stores the admin's key for this command
    line.
    """
    if free_ports and port_base:
        raise click.UsageError("--port-base and --free-ports exclude each other")
    ports = Ports.free() if free_ports else Ports.from_base(port_base) if port_base else Ports()
    output = Output(as_json=False)

    async def work() -> None:
        console = LogConsole(quiet)
        stack = Stack(home or home_folder(), ports=ports, workers=workers, report=console.show)
        stop = asyncio.Event()
        starting = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def stop_now() -> None:
            if not stop.is_set():
                stop.set()
                if starting is not None and not ready.is_set():
                    starting.cancel()

        ready = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop_now)
        try:
            async with stack:
                ready.set()
                console.say(f"ready at {stack.endpoint}  (home {stack.home}; Ctrl-C stops everything)")
                await stop.wait()
                console.say("stopping")
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        except StackError as error:
            raise NotStarted(str(error)) from None
        console.say("stopped")

    run(output, work)


class LogConsole:
    """Prints the children's lines, each behind its child's name; JSON log lines are shortened for people."""

    def __init__(self, quiet: bool) -> None:
        self._console = Console(file=sys.stdout, highlight=False)
        self._quiet = quiet
        self._colours: dict[str, str] = {}

    def say(self, text: str) -> None:
        self._print(Text(text, style="bold"))

    def show(self, name: str, line: str) -> None:
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        text, style = shortened(line)
        if self._quiet and not style:
            return
        self._print(Text(f"{name:>15} ", style=colour) + Text(text, style=style))

    def _print(self, text: Text) -> None:
        try:
            self._console.print(text, soft_wrap=True)
        except OSError:
            # Whoever read this is gone; the studio goes on, and its logs are in files.
            self._console = Console(file=io.StringIO())


def shortened(line: str) -> tuple[str, str]:
    """A log line as people read it, and the style that its level asks for: empty for what is merely informative."""
    try:
        record = json.loads(line)
        if record.get("logger") == "gateway.access":
            words = (record["method"], record["path"], record.get("grpc_status") or record["status"])
            return f"{' '.join(map(str, words))} {record['duration_ms']} ms", ""
        message, level = str(record["message"]), str(record["level"]).upper()
    except (ValueError, KeyError, TypeError):
        loud = "CRASH LOOP" in line or "again in" in line or "is killed" in line
        return line, "bold red" if loud else ""
    if record.get("exception"):
        message += "\n" + str(record["exception"])
    return message, _LOUD.get(level, "")
