"""A draft model for a target that is loaded already: its width, its ids, and what is refused."""

from __future__ import annotations

import pytest
from models.architectures import save_model, tiny_tokenizer
from tiny_models import tiny_pair

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.draft import load_draft
from specdec_lib.models.loader import load_model, load_pair
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    for name, seed in (("target", 0), ("draft", 5)):
        save_model(folder / name, tiny_tokenizer(), seed=seed)
    return [str(folder / name) for name in ("target", "draft")]


@pytest.fixture
def target(folders) -> ModelWrapper:
    return ModelWrapper(*load_model(folders[0], "float32", "cpu"))


def test_it_is_the_draft_that_a_pair_would_have(folders, target):
    pair = load_pair(target=folders[0], draft=folders[1], device="cpu", dtype="float32")
    draft = load_draft(target, folders[1], "float32")
    assert draft.weights_hash == pair.draft.weights_hash
    assert (draft.vocab_size, draft.masked_ids) == (pair.draft.vocab_size, pair.draft.masked_ids)


def test_the_targets_own_files_are_read_in_another_dtype(target):
    draft = load_draft(target, None, "bfloat16")
    assert draft.number_format == "bfloat16" and draft.param_count == target.param_count


def test_a_draft_that_is_its_target_is_said(folders, target, capsys, caplog):
    load_draft(target, folders[0], "float32")
    said = caplog.text + "".join(capsys.readouterr())
    assert "draft and target are the same model" in said


@pytest.mark.parametrize(
    ("model_id", "dtype", "error", "said"),
    [
        ("/no/such", "auto", ModelUnavailable, "'/no/such' does not exist"),
        (None, "int8", InvalidArgument, "Unsupported dtype 'int8'"),
    ],
)
def test_what_cannot_be_loaded_is_refused(target, model_id, dtype, error, said):
    with pytest.raises(error, match=said):
        load_draft(target, model_id, dtype)


def test_a_target_of_ids_alone_has_no_draft_model():
    with pytest.raises(InvalidArgument, match="it has no tokenizer"):
        load_draft(tiny_pair("llama")[0], "pocket-draft")
