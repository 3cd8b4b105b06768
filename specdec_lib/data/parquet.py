"""The rows of a table in Parquet, in which the hub publishes data sets, SPEED-Bench among them.

Read piece by piece, and only the columns that can say something of a prompt. Whether a row is one is
:mod:`specdec_lib.data.own_prompts`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from specdec_lib.data.entries import (
    CHAT_KEYS,
    DOMAIN_KEYS,
    ID_KEYS,
    PROMPT_KEYS,
    TEXT_KEYS,
    Entry,
    require_prompt_file,
)
from specdec_lib.errors import PromptError, reason_of
from specdec_lib.utils.paths import FilePath

_COLUMNS = (*ID_KEYS, *DOMAIN_KEYS, *TEXT_KEYS, *CHAT_KEYS, *PROMPT_KEYS)
_ROWS_AT_A_TIME = 256


def rows_of(path: FilePath) -> Iterator[Entry]:
    """The rows of a table as entries, in its order: a value for each column, None where there is none.

    Raises:
        PromptError: no pyarrow, or the file cannot be read as a table.
    """
    require_prompt_file(path)
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError as error:
        raise PromptError(f"{path}: reading Parquet needs pyarrow; run pip install pyarrow") from error
    number = 0
    try:
        with parquet.ParquetFile(path) as table:
            columns = [name for name in table.schema_arrow.names if name in _COLUMNS]
            has_prompts = any(name in (*TEXT_KEYS, *CHAT_KEYS) for name in columns)
            for rows in table.iter_batches(_ROWS_AT_A_TIME, columns=columns) if has_prompts else ():
                for row in rows.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", row
    except (OSError, ValueError, NotImplementedError) as error:
        raise PromptError(f"{path}: cannot be read as Parquet ({reason_of(error)})") from error
    if not has_prompts:
        raise PromptError(f"{path}: has none of the columns prompt, text, messages, turns")
