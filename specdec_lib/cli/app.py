"""The application: its commands, and the one place where errors become a line and an exit code.

Exit codes: 0 done, 1 ``doctor`` found damage or a pair that does not run or ``verify`` or ``audit`` a
deviation or the code of a ``--drafter`` raised an error, 2 bad input or something that is missing (one line
on standard error) or an engine that could not be asked, 130 interrupted from the keyboard, 141 the
reader went away. Anything else is a bug and keeps its traceback. Nothing heavy is imported here or in the
commands' modules, so that ``specdec --help`` answers at once; each command imports what it needs.
"""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from specdec_lib.cli import sentences
from specdec_lib.cli.commands import (
    audit,
    bench,
    doctor,
    explain,
    export,
    generate,
    pairs,
    report,
    results,
    sweep,
    train,
    verify,
)
from specdec_lib.cli.options import with_groups
from specdec_lib.cli.selection import DrafterFailed
from specdec_lib.cli.terminal import log_line, print_error, released_output
from specdec_lib.errors import SpecDecError, is_out_of_memory
from specdec_lib.utils import entry_point
from specdec_lib.utils.notices import shown_as

BRIEF_WAIT = "10000"
"""Turns that a thread of libgomp spins for the next parallel region before it sleeps: some 0.2 ms."""

NARROW = 60
"""Columns below which the panels of the help would cut an option's name."""

NO_MEMORY = "not enough memory; choose fewer tokens (-n), a smaller model or dtype, or another --device"
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]  # ClickException: it moved between versions of typer

app = typer.Typer(
    name="specdec",
    help="Speculative decoding: exact by test, measured, explained.",
    epilog="First steps: [bold]specdec doctor[/bold], then [bold]specdec generate 'def fibonacci(n):'[/bold]",
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _telling(run: Callable[..., None]) -> Callable[..., None]:
    """``run``, with what a drafter of the user's own raises told as that, whatever it is.

    It stands within typer, to which an end of file, an ``Exit`` or a broken pipe would mean something else.
    """

    @wraps(run)
    def telling(*arguments: object, **options: object) -> None:
        try:
            run(*arguments, **options)
        except BaseException as error:
            if (said := _of_a_drafter(error)) is not None:
                raise DrafterFailed(said) from error
            raise

    return telling


for _command in (
    pairs,
    doctor,
    generate,
    bench,
    sweep,
    results,
    report,
    explain,
    verify,
    audit,
    train,
    export,
):
    _example = f"[bold]Example:[/bold] {_command.EXAMPLE}"
    app.command(_command.NAME, epilog=_example)(_telling(with_groups(_command.run)))


def _show_version(wanted: bool) -> bool:
    if wanted:
        from specdec_lib import __version__

        typer.echo(f"specdec {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before a command, and what every command needs."""
    if entry_point.working_folder_is_gone():  # libraries below torch end the whole process there
        raise SpecDecError(entry_point.NO_FOLDER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``specdec`` with ``arguments`` (default: those of the process); returns the exit code."""
    _never_fail_to_encode()
    _know_the_width()
    _wait_briefly()
    command = typer.main.get_command(app)
    if (columns := shutil.get_terminal_size().columns) < NARROW:
        _simplify(command, max(columns, 24))
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with released_output(), shown_as(log_line):
            code = command.main(given or ["--help"], "specdec", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:
        code, reason = _verdict(error)
        if reason:
            print_error(reason)
        entry_point.flush_or_discard()
        return code


def _verdict(error: BaseException) -> tuple[int, str]:
    """Exit code and line (empty: nothing to say) for what ended a command; a bug is raised again."""
    if isinstance(error, SpecDecError):
        return entry_point.BAD_INPUT, str(error)
    if isinstance(error, _CLICK_ERROR):
        return entry_point.BAD_INPUT, _usage(error)
    if is_out_of_memory(error):
        return entry_point.BAD_INPUT, NO_MEMORY
    if isinstance(error, DrafterFailed):
        return entry_point.FAILED, sentences.drafter_raised(error)
    if isinstance(error, typer.Abort) and isinstance(error.__cause__, EOFError):
        raise error.__cause__  # typer takes it for the end of standard input
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return entry_point.INTERRUPTED, ""
    if isinstance(error, (BrokenPipeError, SystemExit)):  # typer exits by itself in this one case
        return entry_point.BROKEN_PIPE, ""
    if isinstance(error, OSError):
        return entry_point.BAD_INPUT, entry_point.os_reason(error)
    raise error


def _of_a_drafter(error: BaseException) -> str | None:
    """What a drafter of the user's own raised, and where; None for what is not its own to raise."""
    if isinstance(error, (SpecDecError, KeyboardInterrupt)) or is_out_of_memory(error):
        return None
    if isinstance(error, BrokenPipeError) and _output_is_broken():  # it printed, and nobody reads
        return None
    own = sys.modules.get("specdec_lib.decoding.drafters.own")  # imported by whoever looks for a drafter
    return None if own is None else own.own_failure(error)


def _output_is_broken() -> bool:
    """Whether nobody reads standard output; a write that failed may have left nothing to flush."""
    try:
        sys.stdout.flush()
        ends = select.poll()
        ends.register(sys.stdout.fileno(), 0)  # errors are always reported
        return bool(ends.poll(0))
    except BrokenPipeError:
        return True
    except (AttributeError, OSError, ValueError):  # no poll on this system, or a stream that is no file
        return False


def _usage(error: Any) -> str:
    """What click refused, and the command whose help says more."""
    context = getattr(error, "ctx", None)
    return f"{error.format_message()} (see {context.command_path if context else 'specdec'} --help)"


def _simplify(command: Any, columns: int) -> None:
    """Change the help of a command and of those below it to a plain list, in which names stay whole."""
    from rich.text import Text

    command.rich_markup_mode = None
    command.context_settings["terminal_width"] = columns
    for part in (command, *command.params):
        part.help = Text.from_markup(getattr(part, "help", None) or "").plain or None
    command.epilog = Text.from_markup(command.epilog or "").plain or None
    for subcommand in getattr(command, "commands", {}).values():
        _simplify(subcommand, columns)
        subcommand.short_help = subcommand.help  # in a list of commands, it would be cut as well


def _wait_briefly() -> None:
    """Threads that wait for each other soon give their core away, unless the environment says how they wait.

    At libgomp's own choice they spin for milliseconds. On a machine where something else runs that is longer
    than a time slice, spent on the very core that the thread waited for needs: forwards of a 135 M model on
    two threads took up to ten times as long. It must be said before torch loads its threads.
    """
    if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        os.environ["GOMP_SPINCOUNT"] = BRIEF_WAIT


def _know_the_width() -> None:
    """A width of 0, as terminals without a size report it, is an unknown one: rich would print nothing."""
    if os.environ.get("COLUMNS", "").strip() == "0":
        del os.environ["COLUMNS"]


def _never_fail_to_encode() -> None:
    """A terminal that cannot show a character shows an escape instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
