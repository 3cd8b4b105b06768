"""A row: a frozen dataclass whose fields are columns too. Every room makes its own of it.

It is read by attribute where code computes with it, and by name where a format string or a figure asks for
its columns: ``row.speedup``, ``"{speedup:.2f}×".format(**row)``, ``row | {"note": …}`` (a plain dict).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, ClassVar


class Row(Mapping[str, Any]):
    """A frozen dataclass whose fields are also columns; two rows are equal where all columns are."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __getitem__(self, name: str) -> Any:
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON knows it, and the rows that it holds."""
        return asdict(self)

    def __or__(self, more: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **more}
