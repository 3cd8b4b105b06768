"""The command line ``specdec``: one module a command, and a wrapper that turns errors into one line."""

from __future__ import annotations

from specdec_lib.cli.app import main

__all__ = ["main"]
