"""Which models a command runs."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from specdec_lib.cli import selection
from specdec_lib.cli.options import ModelOptions
from specdec_lib.cli.selection import selection_of
from specdec_lib.errors import InvalidArgument, ModelUnavailable, UnknownPair


def test_the_default_is_the_embedded_pair() -> None:
    assert selection_of(ModelOptions()).pair.pair_name == "pocket"


def test_a_dtype_replaces_both_of_the_pair() -> None:
    pair = selection_of(ModelOptions("pocket_self", dtype="bfloat16")).pair
    assert (pair.draft_dtype, pair.target_dtype, pair.target_model_id) == (
        "bfloat16",
        "bfloat16",
        "pocket-target",
    )


def test_models_of_ones_own_make_a_pair() -> None:
    selection = selection_of(ModelOptions(None, "org/big", "org/small", device="cpu"))
    pair = selection.pair
    assert (pair.target_model_id, pair.draft_model_id) == ("org/big", "org/small")
    assert (pair.target_dtype, pair.pair_name, selection.device) == ("auto", "org--small+org--big", "cpu")


def test_no_draft_is_needed_without_speculation(own) -> None:
    target, draft = selection_of(ModelOptions(target=own[1], device="cpu"), needs_draft=False).load()
    assert draft is None and target.name == "tiny-target" and target.compiled is None
    assert selection_of(ModelOptions("phi3_llama3"), needs_draft=False).pair.pair_name == "phi3_llama3"


def test_both_models_are_compiled_when_that_is_asked_for(own) -> None:
    models = selection_of(ModelOptions(None, *own[1::2], device="cpu")).load(compile=True)
    assert all(model.compiled.active for model in models)
    assert (
        selection_of(ModelOptions(target=own[1], device="cpu"), needs_draft=False)
        .load(compile=True)[0]
        .compiled.active
    )


@pytest.mark.parametrize(
    "options, error, said",
    [
        (("pockte", None, None, None), UnknownPair, "Available pairs: pocket,"),
        (("pocket", "a", "b", None), InvalidArgument, "not both"),
        ((None, None, "b", None), InvalidArgument, "needs a --target"),
        ((None, "a", None, None), InvalidArgument, "needs a --draft, a --drafter class, or --auto"),
        (("pocket", None, None, "int8"), InvalidArgument, "Unsupported dtype 'int8'"),
    ],
)
def test_what_does_not_make_a_pair_is_refused(options, error, said) -> None:
    with pytest.raises(error, match=said):
        selection_of(ModelOptions(*options))


@pytest.mark.parametrize(
    "target", ["/no/such/folder", "./no", "../no/such", "a/b/c", "~nobody-here/m", "no/such/", "", " "]
)
def test_a_wrong_path_is_refused_by_name_alone(target: str) -> None:
    with pytest.raises(ModelUnavailable, match="folder"):
        selection_of(ModelOptions(None, target, "pocket-draft", device="cpu"))
    with pytest.raises(ModelUnavailable, match="folder"):
        selection_of(ModelOptions(None, "pocket-target", target, device="cpu"))


def test_a_folder_without_a_model_is_refused_by_name_alone(tmp_path) -> None:
    with pytest.raises(ModelUnavailable, match=r"there is no config\.json"):
        selection_of(ModelOptions(target=str(tmp_path), device="cpu"), needs_draft=False)


def test_the_hub_is_not_asked_for_a_name(monkeypatch) -> None:
    monkeypatch.setattr("specdec_lib.models.source.find_source", lambda model_id: pytest.fail(model_id))
    assert selection_of(ModelOptions("gpt2_dev")).model_ids == ["gpt2-xl", "gpt2"]


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_a_folders_own_is_neither_run_nor_asked_about(own, tmp_path, monkeypatch, file: str) -> None:
    folder, flag = tmp_path / "with-code", tmp_path / "it-ran"
    shutil.copytree(own[1], folder)
    (folder / "own_code.py").write_text(f"open({str(flag)!r}, 'w').close()\n")
    content = json.loads((folder / file).read_text())
    own_class = {"AutoConfig": "own_code.Mine", "AutoTokenizer": ["own_code.Mine", None]}
    (folder / file).write_text(json.dumps(content | {"auto_map": own_class}))
    monkeypatch.setattr("builtins.input", lambda *question: pytest.fail("somebody was asked"))
    selection = selection_of(ModelOptions(target=str(folder), device="cpu"), needs_draft=False)
    selection.check()
    assert selection.load().target.name == "with-code" and not flag.exists()


# -- drafts that are no model ------------------------------------------------------------------------


def test_a_draft_of_the_grammar_needs_no_target_of_ones_own() -> None:
    selection = selection_of(ModelOptions(draft="lookup:n=2-3"))
    assert selection.pair.pair_name == "lookup.n=2-3+pocket-target"
    assert selection.model_ids == ["pocket-target"] and str(selection.drafter) == "lookup:n=2-3"


def test_models_within_a_cascade_are_looked_for(own, tmp_path) -> None:
    selection = selection_of(ModelOptions(target=own[1], draft=f"lookup > {own[3]}"))
    assert selection.model_ids == [own[1], own[3]]
    with pytest.raises(ModelUnavailable, match=r"'\./no/such' does not exist"):
        selection_of(ModelOptions(target=own[1], draft="lookup > ./no/such"))


def test_a_dtype_may_stand_behind_the_drafts_name() -> None:
    pair = selection_of(ModelOptions(target="org/big", draft="org/small@bfloat16")).pair
    assert (pair.draft_dtype, pair.target_dtype, pair.pair_name) == (
        "bfloat16",
        "auto",
        "org--small+org--big",
    )
    pair = selection_of(ModelOptions(draft="self@bfloat16")).pair
    assert (pair.draft_model_id, pair.draft_dtype, pair.target_dtype) == (
        "pocket-target",
        "bfloat16",
        "float32",
    )


def test_what_is_asked_for_is_loaded(own) -> None:
    options = {"target": own[1], "device": "cpu"}
    target, drafter = selection_of(ModelOptions(draft=f"lookup:n=3 > {own[3]}", **options)).load()
    assert drafter.name == f"lookup:n=3 > {own[3]}" and drafter.vocab_size == target.vocab_size
    assert [part.name for part in drafter.drafters] == ["lookup:n=3", "tiny-draft"]
    target, draft = selection_of(ModelOptions(draft="self@bfloat16", **options)).load()
    assert (target.number_format, draft.number_format) == ("float32", "bfloat16")
    _, drafter = selection_of(ModelOptions(draft="lookup > self@bfloat16", **options)).load()
    assert drafter.drafters[1].model.number_format == "bfloat16"


def test_a_translated_pair_needs_no_translation_where_its_target_drafts_for_itself() -> None:
    assert selection_of(ModelOptions("phi3_llama3", draft="lookup")).pair.pair_name.startswith("lookup+")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"draft": "lokup"}, "did you mean lookup"),
        ({"draft": "lookup", "draft_dtype": "int4"}, "'lookup' is no model"),
        ({"draft": "lookup", "drafter": "a:B"}, "give one of the two"),
        ({"draft": "lookup", "pair": "pocket", "target": "x"}, "not both"),
        ({"draft": "pocket-draft@int4"}, "needs a --target"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_by_name_alone(options, said) -> None:
    with pytest.raises(InvalidArgument, match=said):
        selection_of(ModelOptions(**options))


def test_a_log_is_told_now_and_then_how_far_long_work_is(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 16.0, 16.0, 17.0, 40.0, 40.0])
    monkeypatch.setattr(selection, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with selection.busy("verifying …") as report:
        for number in (1, 2, 3, 4):
            report(f"sample {number} of 4")
    assert capsys.readouterr().err.splitlines() == ["sample 2 of 4 …", "sample 4 of 4 …"]
