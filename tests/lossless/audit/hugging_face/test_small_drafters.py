"""Modes that draft several tokens at once, on random models: kept laws, planted bugs, old Transformers."""

import gc
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig
from transformers.generation import utils as generation

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.hugging_face import small_drafters
from specdec_lib.lossless.audit.hugging_face.auditing import audit_mode
from specdec_lib.lossless.audit.hugging_face.modes import find_mode, pair_trials, small_trials
from specdec_lib.lossless.audit.hugging_face.small_drafters import (
    MOST_LAYERS,
    has_block_drafting,
    has_further_layers,
    predict_further,
    small_block_drafter,
    small_mtp_target,
)
from specdec_lib.lossless.audit.hugging_face.small_models import small_llama
from specdec_lib.lossless.audit.replay_report import ROUNDING

pytestmark = pytest.mark.unchecked
TOKENS = {"mtp": 2, "dflash": 3}
"""The fewest in which a mode drafts anything."""
there = pytest.mark.skipif(
    not (has_further_layers() and has_block_drafting()), reason="this Transformers lacks the modes"
)


def _audited(name, **limits):
    mode = find_mode(name)
    trials = [replace(one, num_tokens=TOKENS[name], k=1) for one in small_trials(mode, seeds=(0,))]
    return audit_mode(mode, trials, **limits)


@there
@pytest.mark.parametrize("name", TOKENS)
def test_they_keep_the_law(name):
    found = _audited(name)
    assert found.verdict == "exact" and found.exit_code == 0, found.says
    assert found.distance < ROUNDING
    own = [check for check in found.checks if check.test == "exact law"]
    assert own and all(f"{TOKENS[name]} choices" not in check.says for check in own)  # it drafts


@there
@pytest.mark.parametrize("name", TOKENS)
def test_a_verifier_that_accepts_everything_is_seen(name, monkeypatch):
    def credulous(candidates, logits, length, target, **more):
        return torch.cat([candidates[:, -length:], target[:, -1:].argmax(-1)], -1), length

    monkeypatch.setattr(generation, "_speculative_sampling", credulous)
    found = _audited(name)
    assert found.verdict == "not exact" and found.distance > 0.05


@there
def test_two_layers_draft_two_tokens():
    mode = find_mode("mtp")
    (trial, _) = small_trials(mode, seeds=(0,))
    ids = mode.generate(replace(trial, num_tokens=6, k=2), seed=3)
    assert len(ids) == 6
    found = audit_mode(mode, [replace(trial, k=2, num_tokens=2)], most_replays=20)
    assert found.verdict in ("open", "exact as far as seen", "exact") and found.distance < ROUNDING


@there
def test_the_checkpoint_goes_with_the_model():
    model = small_mtp_target(3, 0)
    folder = Path(model.config.name_or_path)
    assert (folder / "model.safetensors").is_file()
    same = small_mtp_target(3, 0)
    assert all(map(torch.equal, model.state_dict().values(), same.state_dict().values()))
    del model
    gc.collect()
    assert not folder.exists()


@there
def test_more_layers_than_the_checkpoint_holds_are_refused():
    with pytest.raises(InvalidArgument, match=f"holds {MOST_LAYERS}"):
        predict_further(None, MOST_LAYERS + 1)


@there
def test_texts_in_which_nothing_is_drafted_prove_nothing():
    mode = find_mode("dflash")
    found = audit_mode(mode, [replace(one, num_tokens=2) for one in small_trials(mode, seeds=(0,))])
    assert found.verdict == "not askable" and found.exit_code == 2
    assert "fewer than 3 tokens" in found.says


@there
def test_a_block_drafter_reads_every_layer():
    drafter = small_block_drafter(small_llama(5, 2, 0).config, 1)
    assert drafter.config.target_layer_ids == [0, 1] and drafter.config.mask_token_id == 4


@pytest.mark.parametrize(("name", "keyword"), [("mtp", "use_mtp"), ("dflash", "speculation_type")])
def test_a_transformers_that_lacks_them_is_told_in_a_line(name, keyword, monkeypatch):
    class Older(GenerationConfig):
        def __init__(self, **more):
            super().__init__(**more)
            self.__dict__.pop(keyword, None)

    monkeypatch.setattr(sys.modules["transformers"], "GenerationConfig", Older)
    mode = find_mode(name)
    assert not mode.is_there()
    trials = small_trials(mode, seeds=(0,))
    monkeypatch.undo()
    older = replace(mode, is_there=lambda: False)  # plain decoding needs the class as it is
    found = audit_mode(older, trials)
    assert found.verdict == "not askable" and found.exit_code == 2
    assert f"has no mode {name}" in found.says and "\n" not in found.says


def test_a_block_drafter_that_is_not_there(monkeypatch):
    monkeypatch.setattr(small_drafters, "_BLOCK_DRAFTER", "transformers.models.no_such_assistant")
    assert not has_block_drafting()


def test_they_run_on_small_models_alone():
    for name in TOKENS:
        with pytest.raises(InvalidArgument, match="small models"):
            pair_trials(find_mode(name), None, None, [[1]], 1, 1.0, 4)
