"""What commands print, for people or for machines, and how they fail."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table
from rich.text import Text

from artifex import errors
from artifex.client import Client

_EXIT_CODES: list[tuple[type[errors.ArtifexError], int]] = [
    (errors.FileProblem, 3),
    (errors.InvalidArgument, 3),
    (errors.NotSignedIn, 4),
    (errors.Unauthenticated, 4),
    (errors.PermissionDenied, 4),
    (errors.NotFound, 5),
    (errors.JobCancelled, 7),
    (errors.JobFailed, 6),
    (errors.Unavailable, 8),
    (errors.DeadlineExceeded, 8),
    (errors.VerificationFailed, 9),
]
_REMEDIES: list[tuple[type[errors.ArtifexError], str]] = [
    (errors.Unavailable, "Is the studio running? Start it with `artifex up`, or set ARTIFEX_ENDPOINT."),
    (errors.Unauthenticated, "Set ARTIFEX_TOKEN to a key of this studio, or use the one in ARTIFEX_HOME/token."),
]


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


class PlainConsole(Console):
    """What it is given is shown, and none of it is obeyed: names and prompts are people's, and a terminal takes some
    characters for orders."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(text.translate(_CONTROLS), **options)


class Output:
    """Writes results to standard output, and everything else to standard error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        # Nothing is markup: names are people's. Where no terminal sets a width, lines are as long as what they say.
        width = None if sys.stdout.isatty() else 240
        self.console = PlainConsole(highlight=False, markup=False, emoji=False, width=width)
        self.errors: Console = PlainConsole(stderr=True, highlight=False, markup=False, emoji=False)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Better a letter's number than no answer where a locale, or a file's name, is not of UTF-8.
            sys.stdout.reconfigure(errors="backslashreplace")

    @property
    def live(self) -> bool:
        """True when a person watches: progress bars make sense."""
        return not self.as_json and self.errors.is_terminal

    def line(self, value: Message | dict[str, Any]) -> None:
        """One JSON line."""
        plain = plain_dict(value) if isinstance(value, Message) else value
        text = json.dumps(plain, ensure_ascii=sys.stdout.encoding.lower() != "utf-8", separators=(",", ":"))
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """A line for people; nothing where machines read."""
        if not self.as_json:
            self.console.print(text, soft_wrap=True)

    def table(self, *columns: str) -> Table:
        """A table whose first column, the name that other commands take, is never cut."""
        table = Table(*columns, box=None)
        table.columns[0].no_wrap = True
        return table

    def note(self, text: str) -> None:
        """A remark for people, beside the results."""
        if not self.as_json:
            self.errors.print(text, soft_wrap=True)

    def fail(self, error: errors.ArtifexError) -> int:
        """Report an error; returns the exit code."""
        code = next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)
        reason = getattr(error, "reason", "") or getattr(error, "code", "") or _upper(type(error).__name__)
        violations = error.violations if isinstance(error, errors.ApiError) else ()
        if self.as_json:
            self.line(
                {
                    "event": "error",
                    "reason": reason,
                    "message": str(error),
                    "metadata": getattr(error, "metadata", {}),
                    "violations": [
                        {"field": violation.field, "reason": violation.reason, "message": violation.description}
                        for violation in violations
                    ],
                    "exit_code": code,
                }
            )
            return code
        remedy = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), "")
        if isinstance(error, errors.Unavailable) and error.reason:
            # The studio answered, of something behind it.
            remedy = ""
        self.errors.print("error", style="bold red", end=" ")
        self.errors.print(f"{reason.removeprefix('ERROR_REASON_')}: {error}", soft_wrap=True)
        for violation in violations:
            if violation.description in str(error):
                continue
            words = f"  {violation.field}: {violation.description}" + (
                f" [{violation.reason}]" if violation.reason else ""
            )
            self.errors.print(words, soft_wrap=True)
        if remedy:
            self.errors.print(remedy, soft_wrap=True)
        return code


def _upper(name: str) -> str:
    """ "FileProblem" as FILE_PROBLEM."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def plain_dict(message: Message) -> dict[str, Any]:
    """A message as the API's JSON has it, with the contract's own field names."""
    return dict(MessageToDict(message, preserving_proto_field_name=True))


def run(output: Output, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a command's coroutine and end the process with the right exit code."""
    try:
        try:
            asyncio.run(work())
        except errors.ArtifexError as error:
            raise SystemExit(output.fail(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read is gone, and wants to be told nothing.
        raise
    except OSError as error:
        # Of the output itself, as on a full disk: it takes no JSON line either.
        click.echo(f"error: {error}", err=True)
        raise SystemExit(3) from None


def studio_command(command: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make a command of `async def command(output, studio, ...)`: add --json and --endpoint, connect, report errors."""

    @wraps(command)
    def wrapper(*, as_json: bool, endpoint: str, **options: Any) -> None:
        output = Output(as_json)

        async def work() -> None:
            try:
                client = Client(endpoint)
            except (ValueError, OSError) as error:
                # An endpoint that is no address, or a file of certificates that cannot be read.
                raise click.UsageError(str(error)) from None
            async with client as studio:
                name = click.get_current_context().command_path
                with studio.trace(name):
                    try:
                        await command(output, studio, **options)
                    except UnicodeEncodeError as error:
                        # Systems take any bytes for an argument, and the API takes text.
                        raise click.UsageError(f"{error.object!r} is no text in UTF-8") from None

        run(output, work)

    wrapper = click.option("--json", "as_json", is_flag=True, help="Print JSON lines for machines.")(wrapper)
    return click.option("--endpoint", default="", metavar="URL", help="The studio to talk to.")(wrapper)
