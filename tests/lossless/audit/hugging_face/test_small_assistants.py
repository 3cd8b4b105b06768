"""Gemma 4's assistant: a law that is off, the reason it is, and a configuration that cannot be built."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from transformers.generation import candidate_generator

from specdec_lib.decoding.rejection import residual
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit import sentences as audits
from specdec_lib.lossless.audit.branches import law_of
from specdec_lib.lossless.audit.hugging_face import sentences, small_assistants
from specdec_lib.lossless.audit.hugging_face.auditing import audit_mode, target_law_of
from specdec_lib.lossless.audit.hugging_face.modes import find_mode, pair_trials, small_trials
from specdec_lib.lossless.audit.hugging_face.small_assistants import (
    gemma_assistant_error,
    has_gemma_assistant,
    small_gemma_assistant,
    small_gemma_target,
)
from specdec_lib.lossless.audit.replay_report import ROUNDING
from specdec_lib.lossless.mutants.gallery import find_mutant

pytestmark = pytest.mark.unchecked
NAME = "gemma4-assistant"
there = pytest.mark.skipif(not has_gemma_assistant(), reason="this Transformers lacks the mode")
raises = pytest.mark.skipif(not gemma_assistant_error(), reason="this Transformers builds it as released")


def _trials():
    return [replace(one, k=1) for one in small_trials(find_mode(NAME), seeds=(0,))]


@pytest.fixture
def handed_on(monkeypatch):
    """What was drafted behind which text, and the law handed on with it; ``change`` is made to the logits."""
    generator = candidate_generator.SinglePositionMultiTokenCandidateGenerator
    released, seen = generator.get_candidates, {}

    def listening(change):
        def get_candidates(self, input_ids, **more):
            ids, logits = released(self, input_ids, **more)
            if logits is not None:
                drafted = ids[:, input_ids.shape[1] :]
                assert torch.equal(drafted, logits.argmax(-1))
                seen[tuple(input_ids[0].tolist())] = drafted[0].tolist(), logits[0].double().softmax(-1)
                logits = change(logits, drafted)
            return ids, logits

        monkeypatch.setattr(generator, "get_candidates", get_candidates)
        return seen

    return listening


def _one_hot(logits, drafted):
    return torch.full_like(logits, -torch.inf).scatter(-1, drafted[..., None], 0.0)


@there
def test_it_leaves_the_law():
    found = audit_mode(find_mode(NAME), _trials())
    assert found.verdict == "not exact" and found.exit_code == 1 and not found.is_lossy
    own = [check for check in found.checks if check.test == audits.EXACT_LAW]
    control = [check for check in found.checks if check.test == audits.CONTROL_LAW]
    assert [check.passed for check in own] == [False, False]
    assert [check.passed for check in control] == [True, True]
    assert found.distance > 0.05 and found.open_mass < ROUNDING


@there
def test_it_keeps_the_law_once_the_draft_is_said_to_be_certain(handed_on):
    seen = handed_on(_one_hot)
    found = audit_mode(find_mode(NAME), _trials()[:1])
    assert found.verdict == "exact" and found.distance < ROUNDING and len(seen) == 3


@there
def test_two_drafted_tokens_are_repaired_alike(handed_on):
    (trial, _) = small_trials(find_mode(NAME), seeds=(1,))
    seen = handed_on(_one_hot)
    found = audit_mode(find_mode(NAME), [replace(trial, num_tokens=4, top_k=2)])
    assert found.verdict == "exact" and found.distance < ROUNDING
    assert max(len(drafted) for drafted, _ in seen.values()) == 2


@there
def test_the_deviation_is_that_of_the_argmax_under_raw_logits(handed_on):
    """The law of the second of three tokens follows from p and the law handed on, and is what came out."""
    trial = _trials()[0]
    seen = handed_on(lambda logits, drafted: logits)
    law = law_of(partial(_text, trial)).law
    one, two, whole = (target_law_of(replace(trial, num_tokens=length)) for length in (1, 2, 3))
    expected = {}
    for (first,), mass in one.items():
        ((drafted,), (q,)) = seen[*trial.prompt, first]
        p = torch.tensor([two[first, token] / mass for token in range(len(q))], dtype=q.dtype)
        stays = min(1.0, float(p[drafted] / q[drafted]))
        second = (1 - stays) * residual(p, q)
        second[drafted] += stays
        for (head, token, third), chance in whole.items():
            if head == first:
                expected[head, token, third] = mass * float(second[token]) * chance / two[head, token]
    assert sum(expected.values()) == pytest.approx(1)
    assert all(law.get(ids, 0.0) == pytest.approx(mass, abs=1e-6) for ids, mass in expected.items())
    assert find_mutant("draft_argmax_with_raw_logits").issue == "huggingface/transformers#47932"


def _text(trial):
    return tuple(find_mode(NAME).generate(trial))


@there
def test_greedy_texts_are_the_targets():
    (trial, _) = small_trials(find_mode(NAME), seeds=(0,))
    trial = replace(trial, temperature=0.0, num_tokens=12)
    assert find_mode(NAME).generate(trial) == find_mode("plain").generate(trial)


@there
@raises
def test_what_the_released_configuration_raises_is_said():
    from transformers import Gemma4AssistantConfig, Gemma4AssistantForCausalLM, Gemma4TextConfig

    shape = {"num_hidden_layers": 1, "hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 0}
    shape |= {"vocab_size": 3, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    config = Gemma4AssistantConfig(text_config=Gemma4TextConfig(**shape))
    assert config.text_config.num_kv_shared_layers == 1
    with pytest.raises(ValueError, match="layer types") as raised:
        Gemma4AssistantForCausalLM(config)
    assert str(raised.value) in gemma_assistant_error() and "\n" not in gemma_assistant_error()
    found = audit_mode(find_mode(NAME), _trials()[:1], most_replays=2)
    assert found.says.endswith(sentences.REPAIRED.format(gemma_assistant_error()))


@there
@raises
def test_only_our_own_configuration_is_repaired():
    from transformers import Gemma4TextConfig

    target = small_gemma_target(3, 0)
    assistant = small_gemma_assistant(target.config, 1)
    assert assistant.config.text_config.kv_sharing_modes == ["reuse", "reuse"]
    assert type(assistant.config.text_config) is not Gemma4TextConfig
    assert type(target.config) is Gemma4TextConfig
    assert target.config.kv_sharing_modes == ["store", "store", "reuse", "reuse"]
    assert gemma_assistant_error()  # still
    same = small_gemma_assistant(target.config, 1)
    assert all(map(torch.equal, assistant.state_dict().values(), same.state_dict().values()))


@there
@raises
def test_a_configuration_that_works_is_taken_as_it_is(monkeypatch):
    from transformers import Gemma4TextConfig

    monkeypatch.setattr(Gemma4TextConfig, "kv_sharing_modes", property(lambda self: ["reuse", "reuse"]))
    assert gemma_assistant_error() == "" and find_mode(NAME).told() == ""
    monkeypatch.undo()
    target = small_gemma_target(3, 0)
    monkeypatch.setattr(Gemma4TextConfig, "kv_sharing_modes", property(lambda self: ["reuse", "reuse"]))
    assistant = small_gemma_assistant(target.config, 1)
    assert type(assistant.config.text_config) is Gemma4TextConfig


@there
def test_texts_in_which_nothing_is_drafted_prove_nothing():
    found = audit_mode(find_mode(NAME), [replace(one, num_tokens=2) for one in _trials()])
    assert found.verdict == "not askable" and "fewer than 3 tokens" in found.says


def test_a_transformers_that_lacks_it_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(small_assistants, "_ASSISTANT", "transformers.models.no_such_assistant")
    mode = find_mode(NAME)
    assert not mode.is_there() and gemma_assistant_error() == ""
    found = audit_mode(mode, small_trials(mode, seeds=(0,)))
    assert found.verdict == "not askable" and found.exit_code == 2
    assert f"has no mode {NAME}" in found.says and "\n" not in found.says


def test_it_runs_on_small_models_alone():
    with pytest.raises(InvalidArgument, match="small models"):
        pair_trials(find_mode(NAME), None, None, [[1]], 1, 1.0, 4)
