"""Errors: one base to catch, the built-in exception a Python user would expect, and a message in full."""

from __future__ import annotations

import inspect
import pickle

import pytest

from specdec_lib import errors
from specdec_lib.errors import SpecDecError

EXPECTED = {
    "InvalidArgument": ValueError,
    "UnknownPair": KeyError,
    "ModelUnavailable": OSError,
    "VocabularyMismatch": ValueError,
    "UnsupportedCache": TypeError,
    "ServerUnavailable": ConnectionError,
    "RecordError": ValueError,
    "PromptError": ValueError,
    "TimerMisuse": RuntimeError,
}


@pytest.mark.parametrize(("name", "builtin"), EXPECTED.items())
def test_each_error_is_ours_and_a_builtin(name: str, builtin: type[Exception]) -> None:
    error = getattr(errors, name)
    assert issubclass(error, SpecDecError) and issubclass(error, builtin)
    message = "load pair 'x': no such pair; choose from a, b"
    assert str(error(message)) == message
    with pytest.raises(builtin, match="no such pair"):
        raise error(message)


@pytest.mark.parametrize("name", EXPECTED)
def test_errors_survive_the_way_from_another_process(name: str) -> None:
    error = getattr(errors, name)("what happened; what to do")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error)


def test_an_unknown_pair_prints_its_message_and_not_its_repr() -> None:
    """A KeyError prints the repr of its argument: quotes around the whole line, escapes inside."""
    message = "Unknown pair 'x'. Available pairs: pocket"
    assert str(KeyError(message)) != message
    assert str(errors.UnknownPair(message)) == message
    assert str(errors.UnknownPair()) == ""


def test_every_error_has_one_base_and_says_what_it_is() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert {c.__name__ for c in classes} == {"SpecDecError", *EXPECTED}
    for error in classes:
        assert issubclass(error, SpecDecError) and error.__doc__
