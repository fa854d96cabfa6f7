"""The command line: ``faceshot match | drive | retarget | animate | ...``, one file of this package each.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 could not, 2 wrong usage, 130 interrupted,
143 terminated.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from faceshot.cli.animate import animate
from faceshot.cli.batch import batch
from faceshot.cli.demo import demo
from faceshot.cli.export import export
from faceshot.cli.gallery import gallery
from faceshot.cli.info import backends, doctor
from faceshot.cli.live import live
from faceshot.cli.match import match
from faceshot.cli.motion import drive, retarget
from faceshot.cli.provenance import provenance
from faceshot.cli.sheet import sheet
from faceshot.cli.typed.options import to_json
from faceshot.cli.verify import verify
from faceshot.cli.weights import weights
from faceshot.errors import FaceShotError, speaks_flags
from faceshot.threads import wait_asleep
from faceshot.version import __version__

#: What typer and the click inside it raise for wrong usage; reached through a public name of typer.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    epilog="faceshot help COMMAND tells what it takes.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"faceshot {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Bring any picture with a face to life: people, pets, toys, emoji, cartoons, statues."""


app.command()(match)
app.command()(drive)
app.command()(retarget)
app.command()(animate)
app.command()(batch)
app.command()(export)
app.command()(sheet)
app.command()(live)
app.add_typer(gallery, name="gallery")
app.command()(demo)
app.command()(backends)
app.add_typer(weights, name="weights")
app.add_typer(provenance, name="provenance")
app.command()(doctor)
app.command()(verify)


def understood(arguments: Sequence[str]) -> list[str]:
    """``help animate``, ``version``, ``-v`` alone and flags before the command, as the parser wants them."""
    words = list(arguments)
    if words in (["-v"], ["version"]):
        return ["--version"]
    if words[:1] == ["help"]:
        return [*words[1:], "--help"]
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    first = next((k for k, word in enumerate(words) if word in commands), 0)
    before = words[:first]
    own = {"--version", "-V", "--help", "-h", "--install-completion", "--show-completion"}
    return words[first:] + before if before and before[0][0] == "-" and not own.intersection(before) else words


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _report(message: str, code: int, arguments: Sequence[str]) -> int:
    """One line on stderr, the same as an object on stdout with ``--json``; returns the exit code."""
    if "--verbose" in arguments or "-v" in arguments:
        traceback.print_exc(file=sys.stderr)
    if "--json" in arguments:
        typer.echo(to_json({"error": message, "exit_code": code}))
    typer.echo(f"error: {message}", err=True)
    return code


class _Terminated(BaseException):
    """SIGTERM, as an exception, so that everything half written is tidied away as it is on Ctrl-C."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM (a batch system, a container being stopped, ``kill``) end the run in order."""
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not mine:
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends it at once
        raise _Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Unforeseen(FaceShotError):
    """Anything that should have been an error of ours; a mistake in FaceShot, not of the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with ``arguments`` (default: of this process) and return the exit code."""
    token = speaks_flags.set(True)
    try:
        return _run(arguments)
    finally:
        speaks_flags.reset(token)


def _run(arguments: Sequence[str] | None) -> int:
    arguments = understood(sys.argv[1:] if arguments is None else arguments)
    _any_name_prints()
    wait_asleep()
    if "_FACESHOT_COMPLETE" in os.environ:  # the shell asks what could come next
        typer.main.get_command(app).main([], prog_name="faceshot")
    try:
        with _terminable(), warnings.catch_warnings():
            if not {"-v", "--verbose"} & set(arguments):
                warnings.simplefilter("ignore")  # other libraries' advice beside our one line
            _invoke(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return 0
    except FaceShotError as error:
        return _report(_one_line(error), error.exit_code, arguments)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except SystemExit as stop:  # of --install-completion and --show-completion
        return int(stop.code or 0)
    except (KeyboardInterrupt, EOFError, typer.Abort):
        typer.echo("interrupted", err=True)
        exec("")  # under -m, Python forgets our exit code if an exec() of text was interrupted last: a dataclass's, say
        return 130
    except _Terminated:
        typer.echo("terminated", err=True)
        return 143
    except _ClickError as error:
        return _usage(error, arguments)
    except BrokenPipeError:
        # The reader (`| head`) has gone; a second failure at interpreter exit must not be printed either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else _one_line(error)
        return _report(reason, 1, arguments)
    except MemoryError:
        return _report("not enough memory; try a smaller picture or clip", 1, arguments)


def _invoke(arguments: Sequence[str]) -> None:
    """The command itself, under the last net.

    Raises:
        What :func:`main` knows; everything else as :class:`_Unforeseen`.
    """
    try:
        # Not app(): it would turn Ctrl-C, closed pipes and wrong usage into messages of its own.
        with typer.main.get_command(app).make_context("faceshot", list(arguments)) as context:
            context.command.invoke(context)
    except (FaceShotError, typer.Exit, typer.Abort, _ClickError, EOFError, OSError, MemoryError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {_one_line(error)}"[:200]
        raise _Unforeseen(f"{what}; this is a bug in FaceShot, please report it (-v shows where)") from error


def _any_name_prints() -> None:
    """File names need not be text in any encoding: let them pass through to a terminal or pipe as they are."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors=errors)


def _usage(error: Exception, arguments: Sequence[str]) -> int:
    """Wrong usage as the parser sees it: help if nothing was given, else one line and where help is."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        typer.echo(context.get_help())
        return 2
    where = context.command_path if context is not None else "faceshot"
    message = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
    message = message.replace("Value error, ", "").replace("Input should be a", "it must be a")
    return _report(f"{message} (see {where} --help)", 2, arguments)
