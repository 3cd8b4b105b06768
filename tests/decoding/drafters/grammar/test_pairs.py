"""The pair that a draft makes with its target: its models, its dtypes and its name."""

from __future__ import annotations

import pytest

from specdec_lib.decoding.drafters.grammar.pairs import asked_pair
from specdec_lib.errors import InvalidArgument, UnknownPair
from specdec_lib.models.registry import is_own_name


@pytest.mark.parametrize(
    ("asked", "name", "models"),
    [
        ({}, "pocket", [("pocket-target", "float32"), ("pocket-draft", "float32")]),
        ({"draft": "lookup"}, "lookup+pocket-target", [("pocket-target", "float32")]),
        ({"draft": "lookup:n=2-3", "target": "org/big"}, "lookup.n=2-3+org--big", [("org/big", "auto")]),
        ({"draft": "my:Class", "pair": "gpt2_dev"}, "my.Class+gpt2-xl", [("gpt2-xl", "float16")]),
        ({"drafter": "my:Class"}, "my.Class+pocket-target", [("pocket-target", "float32")]),
        (
            {"draft": "lookup > org/small", "dtype": "bfloat16"},
            "lookup-or-org--small+pocket-target",
            [("pocket-target", "bfloat16"), ("org/small", "bfloat16")],
        ),
        (
            {"draft": "suffix > org/small@int4 > self@float16", "pair": "pocket_self"},
            "suffix-or-org--small@int4-or-self@float16+pocket-target",
            [("pocket-target", "float32"), ("org/small", "int4"), ("pocket-target", "float16")],
        ),
        (
            {"draft": "self@int4"},
            "self@int4+pocket-target",
            [("pocket-target", "float32"), ("pocket-target", "int4")],
        ),
        (
            {"draft": "self", "pair": "pocket_self"},
            "self@float32+pocket-target",
            [("pocket-target", "float32")],
        ),
        (
            {"draft": "self", "target": "org/big", "draft_dtype": "int4"},
            "self@int4+org--big",
            [("org/big", "auto"), ("org/big", "int4")],
        ),
        (
            {"target": "org/big", "draft": "org/small@int4", "dtype": "float32"},
            "org--small+org--big",
            [("org/big", "float32"), ("org/small", "int4")],
        ),
    ],
)
def test_models_dtypes_and_name(asked, name, models):
    found = asked_pair(**asked)
    assert (found.pair.pair_name, found.models) == (name, models)
    assert is_own_name(name) == (name != "pocket")


def test_a_float16_that_was_asked_for_is_no_listed_one():
    assert asked_pair(draft="self@float16").pair.dtypes == "asked"
    assert asked_pair(draft="self@int4", pair="gpt2_dev").pair.dtypes == "listed"


def test_classes_of_ones_own_are_found_wherever_they_stand():
    assert asked_pair(draft="lookup > a:B > c.d:E").classes == ["a:B", "c.d:E"]
    assert asked_pair(drafter="lookup:Mine").classes == ["lookup:Mine"]  # a module of that name
    assert asked_pair().classes == []


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"draft": "org/small"}, InvalidArgument, "the target is missing"),
        ({"draft": "lookup", "drafter": "a:B"}, InvalidArgument, "give one of the two"),
        (
            {"draft": "lookup", "draft_dtype": "int4"},
            InvalidArgument,
            "and 'lookup' is no model",
        ),
        ({"draft": "self@int4", "draft_dtype": "int4"}, InvalidArgument, "'self@int4' names int4"),
        ({"draft": "lookup", "pair": "pocket", "target": "x"}, InvalidArgument, "give one of the two"),
        ({"draft": "lookup", "pair": "pockte"}, UnknownPair, "Unknown pair"),
        ({"draft": "lookup", "dtype": "int8"}, InvalidArgument, "Unsupported dtype 'int8'"),
    ],
)
def test_what_contradicts_itself_is_refused(asked, error, said):
    with pytest.raises(error, match=said):
        asked_pair(**asked)
