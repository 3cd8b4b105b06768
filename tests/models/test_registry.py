from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from specdec_lib.errors import SpecDecError
from specdec_lib.models.registry import (
    REGISTRY,
    ModelPair,
    choose_pair,
    get_pair,
    is_own_name,
    list_pairs,
    own_name,
    own_pair,
)

DTYPES = {"auto", "float16", "bfloat16", "float32", "int4"}


def test_the_promised_pairs_are_there_and_the_embedded_one_comes_first():
    promised = {"pocket", "pocket_self", "gpt2_dev", "tinyllama_llama3", "phi3_llama3", "llama3_self"}
    assert promised <= set(list_pairs())
    assert list_pairs()[0] == "pocket"
    assert list_pairs() == list(REGISTRY)


@pytest.mark.parametrize("name", list_pairs())
def test_every_pair_answers_to_its_name_with_known_dtypes(name):
    pair = get_pair(name)
    assert pair.pair_name == name
    assert {pair.draft_dtype, pair.target_dtype} <= DTYPES


def test_a_self_pair_drafts_with_its_target_in_int4():
    for name in ("pocket_self", "llama3_self"):
        pair = get_pair(name)
        assert pair.is_self and pair.draft_dtype == "int4" and pair.target_dtype != "int4"
    assert not get_pair("pocket").is_self


@pytest.mark.parametrize(
    ("name", "draft", "target"),
    [
        ("gpt2_dev", "float16", "float16"),
        ("tinyllama_llama3", "float16", "float16"),
        ("phi3_llama3", "float16", "float16"),
        ("llama3_self", "int4", "float16"),
        ("pocket", "float32", "float32"),
        ("pocket_foreign", "float32", "float32"),
    ],
)
def test_the_specified_pairs_have_the_specified_dtypes(name, draft, target):
    pair = get_pair(name)
    assert (pair.draft_dtype, pair.target_dtype, pair.dtypes) == (draft, target, "listed")


def test_a_dtype_that_was_asked_for_is_no_longer_the_registrys():
    assert choose_pair("gpt2_dev").dtypes == "listed"
    assert choose_pair("gpt2_dev", draft_dtype="int4").dtypes == "listed"  # the target's is, still
    assert choose_pair("gpt2_dev", dtype="float16").dtypes == "asked"
    assert choose_pair("gpt2_dev", draft_dtype="float16").dtypes == "asked"
    assert choose_pair(target="a", draft="b", dtype="float16").dtypes == "asked"


def test_pairs_that_need_translation_say_so():
    assert {name for name, pair in REGISTRY.items() if not pair.shares_vocabulary} == {
        "pocket_foreign",
        "tinyllama_llama3",
        "phi3_llama3",
    }


def test_some_pairs_run_without_a_licence_to_accept():
    free = [pair for pair in REGISTRY.values() if not pair.gated and pair.shares_vocabulary]
    assert {"pocket", "gpt2_dev", "qwen25", "smollm2"} <= {pair.pair_name for pair in free}


def test_an_unknown_pair_is_a_key_error_that_names_the_others():
    with pytest.raises(KeyError) as caught:
        get_pair("x")
    assert isinstance(caught.value, SpecDecError)
    assert str(caught.value) == f"Unknown pair 'x'. Available pairs: {', '.join(list_pairs())}"


def test_a_pair_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_pair("pocket").draft_dtype = "int4"


def test_dtypes_default_to_auto():
    pair = ModelPair("mine", "a", "b")
    assert (pair.draft_dtype, pair.target_dtype) == ("auto", "auto")


def test_listing_pairs_imports_no_torch():
    check = "import sys, specdec_lib.models.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_results_of_two_repositories_of_one_name_are_kept_apart():
    names = {own_pair(target, "org/draft").pair_name for target in ("a/model", "b/model", "model")}
    assert names == {"org--draft+a--model", "org--draft+b--model", "org--draft+model"}


def test_the_name_of_a_pair_of_ones_own_says_that_it_is_one(monkeypatch):
    assert is_own_name(own_pair("org/big", "org/small").pair_name)
    assert is_own_name(own_name("mine.Lookup", "pocket-target"))
    assert not any(map(is_own_name, [*REGISTRY, "nobody"]))
    monkeypatch.setitem(REGISTRY, "one+two", get_pair("pocket"))
    assert not is_own_name("one+two"), "the list knows it"
