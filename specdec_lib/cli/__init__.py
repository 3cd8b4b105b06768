"""The command line ``specdec``: one module a command, and a wrapper that turns errors into one line.

Importing this imports nothing else, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``specdec`` with ``arguments`` (default: those of the process); returns the exit code."""
    try:
        from specdec_lib.cli.app import main as run

        return run(arguments)
    except KeyboardInterrupt:  # while the application itself was imported, or on its way out
        return INTERRUPTED


__all__ = ["main"]
