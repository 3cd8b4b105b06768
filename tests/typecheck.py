"""What the test suite checks at every call of the library: types by beartype, and shapes by jaxtyping.

jaxtyping's own decorator binds and checks the arguments of every function twice, array or not, which was half
of the suite's time. Only a function whose annotations name arrays needs a scope in which an axis has one
length; any other needs beartype alone. An int is accepted where a float is asked for (PEP 484).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from types import FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, TypeCheckError, config, install_import_hook

_jaxtyped = jaxtyping.jaxtyped
check = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeCheckError))


def install(package: str) -> None:
    """Check every function of ``package``, which must not be imported yet."""
    jaxtyping.jaxtyped = jaxtyped
    install_import_hook(package, f"{__name__}.check")


def jaxtyped(typechecker: Callable) -> Callable:
    """What jaxtyping's import hook decorates classes and functions with."""

    def decorate(thing: Any) -> Any:
        if inspect.isgeneratorfunction(thing):
            return _checked_generator(_jaxtyped(thing, typechecker=typechecker))
        if not inspect.isclass(thing):
            return checked(thing, typechecker)
        if is_dataclass(thing) and inspect.isfunction(init := vars(thing).get("__init__")):
            thing.__init__ = init if hasattr(init, "__wrapped__") else checked(init, typechecker)
        return thing

    return decorate


def _checked_generator(make: Callable) -> Callable:
    """A generator function again, which some decorators tell from others, such as ``inference_mode``."""

    @functools.wraps(make)
    def generate(*args, **options):
        return (yield from make(*args, **options))

    return generate


def checked(function: FunctionType, typechecker: Callable) -> Callable:
    """``function``, with its arguments and what it returns checked."""
    hints = known_hints(function)
    if not hints:
        return function
    told = FunctionType(function.__code__, function.__globals__, closure=function.__closure__)
    functools.update_wrapper(told, function)
    del told.__wrapped__
    told.__defaults__, told.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    told.__annotations__ = hints
    beartyped = typechecker(told)
    if not any(map(names_arrays, hints.values())):

        @functools.wraps(function)
        def call(*args, **options):
            return (function if config.jaxtyping_disable else beartyped)(*args, **options)

        return call

    @functools.wraps(function)
    def call_in_scope(*args, **options):
        if config.jaxtyping_disable:
            return function(*args, **options)
        with _jaxtyped("context"):
            return beartyped(*args, **options)

    return call_in_scope


def known_hints(function: FunctionType) -> dict[str, Any]:
    """The annotations that can be resolved where ``function`` is defined, by argument."""
    hints = {}
    for name, annotation in function.__annotations__.items():
        one = type("One", (), {"__annotations__": {name: annotation}})
        try:
            hints |= get_type_hints(one, function.__globals__, include_extras=True)
        except NameError:  # of what is imported for type checkers alone
            continue
    return hints


def names_arrays(hint: Any) -> bool:
    """Whether an array's shape is part of ``hint``."""
    is_array = inspect.isclass(hint) and issubclass(hint, AbstractArray)
    return is_array or any(map(names_arrays, get_args(hint)))
