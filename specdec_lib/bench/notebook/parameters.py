"""The parameters of a notebook: which there are, of what kind, and values made plain for papermill.

Papermill writes values down as Python code and only warns about a name that the notebook does not have: an
array becomes a list of texts, a scalar of numpy an exception, a text where a number belongs an error in the
middle of the run. Here all of that is settled before anything runs. The kinds are the notebook's own: its
annotations, and where there are none its defaults. It runs no notebook.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from specdec_lib.errors import InvalidArgument, first_line

_INJECTED = "# Parameters"
"""How a cell begins that papermill has put behind the one with the defaults."""
_NAMES = {"int": int, "float": float, "str": str, "bool": bool, "None": type(None)}
_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", type(None): "None"}


class Kind(NamedTuple):
    """What a parameter may be: any of some types (``object``: anything), and a list of elements of a kind."""

    types: frozenset[type] = frozenset()
    elements: Kind | None = None

    def accepts(self, value: Any) -> bool:
        """Whether a plain value is of this kind; whole numbers stand where numbers do, and no truth value."""
        if object in self.types:
            return True
        if isinstance(value, list):
            return self.elements is not None and all(map(self.elements.accepts, value))
        return type(value) in self.types or (type(value) is int and float in self.types)

    def __str__(self) -> str:
        """In words, for an error."""
        words = [_WORDS[one] for one in _WORDS if one in self.types and one is not type(None)]
        if self.elements is not None:
            words.append("a list" if object in self.elements.types else f"a list, each {self.elements}")
        return " or ".join([*words, *([_WORDS[type(None)]] if type(None) in self.types else [])])


ANYTHING = Kind(frozenset({object}))


def checked_parameters(notebook: str | Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as plain values (numpy's and tuples become Python's), each of the notebook's own kind.

    Raises:
        InvalidArgument: a parameter that the notebook does not have, or of another kind, or a value that is
            no plain one; in one line that names it.
    """
    return _checked(Path(notebook).name, *_declared(notebook), parameters)


def _checked(
    name: str, known: Mapping[str, Any], kinds: Mapping[str, Kind], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    values = {}
    for parameter, given in parameters.items():
        if parameter not in known:
            close = difflib.get_close_matches(parameter, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(sorted(known))}"
            raise InvalidArgument(f"{name} has no parameter '{parameter}'; {hint}")
        where = f"{name}: parameter '{parameter}'"
        values[parameter] = value = plain(where, given)
        kind = kinds[parameter]
        if not kind.accepts(value):
            wrong = value
            if isinstance(value, list) and kind.elements is not None:
                wrong = next(one for one in value if not kind.elements.accepts(one))
            raise InvalidArgument(
                f"{where} {'is' if wrong is value else 'holds'} {wrong!r:.60}; "
                f"the notebook's default is {known[parameter]!r}, give {kind}"
            )
    return values


def notebook_parameters(notebook: str | Path) -> dict[str, Any]:
    """Names and default values that the cell tagged ``parameters`` assigns, in order.

    Raises:
        InvalidArgument: no such file, not a notebook, no tagged cell, or a default that is no literal.
    """
    return _declared(notebook)[0]


def plain(where: str, value: Any) -> Any:
    """``value`` as None, bool, int, float, text, list or dictionary; ``where`` opens the line of an error.

    Raises:
        InvalidArgument: it is nothing of the kind, or a number that is none.
    """
    if isinstance(value, str):
        return _sound(where, str.__str__(value))  # of an enumeration its value, not its name
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "tolist"):  # arrays, scalars and tensors
        return plain(where, value.tolist())
    if isinstance(value, os.PathLike):
        return plain(where, os.fspath(value))
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if not math.isfinite(number):
            raise InvalidArgument(f"{where} holds {number}; give finite numbers")
        return number
    if isinstance(value, (list, tuple, range)):
        return [plain(where, one) for one in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): plain(where, one) for key, one in value.items()}
    raise InvalidArgument(f"{where} is a {type(value).__name__}; give numbers, texts or lists of them")


def _sound(where: str, text: str) -> str:
    """A text that can be written into a notebook and name a file."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            f"{where} is {text!a:.60}, which is no UTF-8 (character {error.start}); give another name"
        ) from error
    if "\0" in text:
        raise InvalidArgument(f"{where} is {text!r:.60}, with a null character; give another name")
    return text


def refuse_unknown(inputs: Sequence[str] | None = None) -> None:
    """Refuse, inside of a running notebook, what was injected into it and is no parameter of its own.

    Papermill only warns of a name that the notebook does not have, and of a value it looks at nothing.

    Args:
        inputs: the sources of the cells that ran, by default IPython's ``In``: the first is the cell of
            defaults, and what papermill injected begins with its comment.

    Raises:
        InvalidArgument: naming the parameter, and what the notebook has instead.
    """
    ran = [source for source in (_inputs() if inputs is None else inputs) if source.strip()]
    known, kinds = _assignments(ran[0])
    for source in ran[1:]:
        if source.lstrip().startswith(_INJECTED):
            _checked("this notebook", known, kinds, _assignments(source)[0])


def _inputs() -> Sequence[str]:
    """The sources of the cells that ran in this notebook."""
    from IPython.core.getipython import get_ipython

    return cast(Any, get_ipython()).user_ns["In"]


# -- what the notebook declares --------------------------------------------------------------------


def _declared(notebook: str | Path) -> tuple[dict[str, Any], dict[str, Kind]]:
    """Defaults and kinds by name."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"cannot read the notebook {notebook}: {first_line(str(error))}") from error
    if not tagged:
        raise InvalidArgument(
            f"{notebook} has no cell tagged 'parameters'; tag the one that holds the defaults"
        )
    try:
        return _assignments("".join(tagged[0]["source"]))
    except (ValueError, SyntaxError) as error:
        raise InvalidArgument(
            f"{notebook}: its parameters cell is no list of plain defaults: {error}"
        ) from error


def _assignments(source: str) -> tuple[dict[str, Any], dict[str, Kind]]:
    """``name = literal`` and ``name: type = literal`` statements of a cell."""
    values: dict[str, Any] = {}
    kinds: dict[str, Kind] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            for name in names if len(names) == len(statement.targets) else ():
                values[name] = ast.literal_eval(statement.value)
                kinds[name] = _kind_of(values[name])
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            values[name] = ast.literal_eval(statement.value)  # type: ignore[arg-type]  # of none it says so
            kinds[name] = _annotated(statement.annotation)
    return values, kinds


def _kind_of(default: Any) -> Kind:
    """The kind that a default stands for: None and an empty list for anything."""
    if default is None or isinstance(default, dict):
        return ANYTHING
    if isinstance(default, (list, tuple)):
        kinds = [_kind_of(one) for one in default]
        return Kind(elements=_either(*kinds) if kinds else ANYTHING)
    return Kind(frozenset({type(default)}))


def _annotated(node: ast.expr) -> Kind:
    """``int``, ``list[int]``, ``str | None`` and the like; what is none of these takes anything."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(_annotated(node.left), _annotated(node.right))
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "list":
        return Kind(elements=_annotated(node.slice))
    name = node.id if isinstance(node, ast.Name) else str(getattr(node, "value", ""))
    return Kind(frozenset({_NAMES[name]})) if name in _NAMES else ANYTHING


def _either(*kinds: Kind) -> Kind:
    elements = [kind.elements for kind in kinds if kind.elements is not None]
    types = frozenset().union(*(kind.types for kind in kinds))
    return Kind(types, _either(*elements) if elements else None)
