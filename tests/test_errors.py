"""Errors: one base to catch, the built-in exception a Python user would expect, and a message in full."""

from __future__ import annotations

import inspect
import pickle

import pytest
import torch

from specdec_lib import errors
from specdec_lib.errors import SpecDecError, causes, first_line, is_out_of_memory, reason_of

EXPECTED = {
    "InvalidArgument": ValueError,
    "UnknownPair": KeyError,
    "ModelUnavailable": OSError,
    "VocabularyMismatch": ValueError,
    "UnsupportedCache": TypeError,
    "UnsoundLogits": ArithmeticError,
    "ServerUnavailable": ConnectionError,
    "ServerFailed": ConnectionError,
    "LawNotTold": ConnectionError,
    "Unfollowed": NotImplementedError,
    "NotRepeatable": RuntimeError,
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


@pytest.mark.parametrize("length", [2**50, 2**62], ids=["more than there is", "more than can be counted"])
def test_the_out_of_memory_of_torch_on_a_cpu_is_known(length: int) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(length, 16, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        OSError(12, "Cannot allocate memory"),
    ],
    ids=repr,
)
def test_every_out_of_memory_is_known_also_behind_another_error(error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(ValueError, match="wrapped") as caught:
        try:
            raise error
        except Exception as cause:
            raise ValueError("wrapped") from cause
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("shape mismatch"), ValueError("out of memory"), OSError(28, "full")]
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.parametrize("hidden", [False, True])
def test_an_error_is_followed_to_its_cause_unless_that_is_hidden(hidden: bool) -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            if hidden:
                raise ValueError("second") from None
            raise ValueError("second") from error
    except ValueError as error:
        assert [str(link) for link in causes(error)] == ["second", "'first'"][: 1 if hidden else 2]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(104, "Connection reset by peer"), "Connection reset by peer"),
        (ValueError("one line\nand another"), "one line"),
        (ValueError(), "ValueError"),
        (KeyError("prompts"), "KeyError 'prompts'"),
    ],
)
def test_a_reason_is_one_line(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("text", "first"), [("\n  one \ntwo", "one"), ("only", "only"), (" \n", "no message"), ("", "no message")]
)
def test_the_first_line_of_a_message_is_the_first_that_says_something(text, first):
    assert first_line(text) == first
