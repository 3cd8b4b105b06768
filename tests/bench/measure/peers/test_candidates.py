"""Transformers' rounds as they are counted, against rounds that are played again by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny_models import VOCAB, llama
from transformers import GenerationConfig

from specdec_lib.bench.measure.peers.candidates import CountedCandidates
from specdec_lib.bench.measure.peers.hugging_face import constant_drafting
from specdec_lib.errors import InvalidArgument

PROMPT = [5, 17, 99, 17, 5, 17]


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    target = llama(2).eval()
    draft = copy.deepcopy(target)
    with torch.no_grad():
        for parameter in draft.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return target, draft


def greedy(model, prefix: list[int], number: int, eos: int | None = None) -> list[int]:
    """The next ids, one forward of everything a token."""
    ids = list(prefix)
    with torch.inference_mode():
        for _ in range(number):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == eos:
                break
    return ids[len(prefix) :]


def played(target, drafted_after, number: int, eos: int | None = None) -> list[tuple[int, int, bool]]:
    """(accepted, drafted, cut) of each round of greedy assisted decoding, by the target's own text."""
    text, made, rounds = greedy(target, PROMPT, number, eos), 0, []
    while made < len(text):
        drafted = drafted_after(PROMPT + text[:made], number - made - 1)
        left = text[made:]
        accepted = next(
            (i for i, (one, other) in enumerate(zip(drafted, left, strict=False)) if one != other),
            min(len(drafted), len(left)),
        )
        rounds.append((accepted, len(drafted), accepted == len(left)))
        made += accepted + 1
    return rounds


def counted(target, number: int, eos: int | None = None, **options) -> CountedCandidates:
    asked = {name: options.pop(name) for name in ("prompt_lookup_num_tokens",) if name in options}
    config = GenerationConfig(
        max_new_tokens=number, eos_token_id=eos, pad_token_id=0, do_sample=False, **asked
    )
    target.generation_config = GenerationConfig()
    inputs = torch.tensor([PROMPT])
    with CountedCandidates(target) as rounds, torch.inference_mode():
        output = target.generate(
            inputs, attention_mask=torch.ones_like(inputs), generation_config=config, **options
        )
    assert rounds.num_tokens == output.shape[1] - len(PROMPT)
    assert "_get_candidate_generator" not in vars(target)
    return rounds


@pytest.mark.parametrize("number", [1, 2, 7, 40])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_draft_model_is_counted_round_by_round(pair, number, k):
    target, draft = pair
    draft.generation_config = GenerationConfig(**constant_drafting(k))
    rounds = counted(target, number, assistant_model=draft)
    assert rounds.rounds == played(target, lambda ids, left: greedy(draft, ids, min(k, left)), number)
    tally = rounds.run().tally
    assert tally.num_tokens == number and tally.num_steps == len(rounds.rounds)
    assert number == sum(a + 1 for a, _, _ in rounds.rounds) - sum(cut for *_, cut in rounds.rounds)


def test_an_end_of_text_cuts_a_round_and_shows_no_rejection(pair):
    """The target as its own draft: everything is right, nothing is rejected, and the end is a draft's."""
    target = pair[0]
    draft, text = copy.deepcopy(target), greedy(target, PROMPT, 12)
    place = next(i for i in range(5, 12) if text[i] not in text[:i])
    draft.generation_config = GenerationConfig(**constant_drafting(4))
    rounds = counted(target, 40, text[place], assistant_model=draft)
    tally = rounds.run().tally
    assert rounds.num_tokens == place + 1 and tally.num_rejections == 0
    assert tally.num_accepted_tokens == sum(a for a, _, _ in rounds.rounds)
    drafted = lambda ids, left: greedy(draft, ids, min(4, left), text[place])  # noqa: E731
    assert rounds.rounds == played(target, drafted, 40, text[place])


def test_prompt_lookup_is_counted_and_its_silent_rounds_are_steps(pair):
    target = pair[0]
    rounds = counted(target, 30, prompt_lookup_num_tokens=3)
    tally = rounds.run().tally
    silent = sum(not drafted for _, drafted, _ in rounds.rounds)
    assert tally.num_steps == len(rounds.rounds) and tally.num_drafts == tally.num_steps - silent
    cuts = sum(cut for *_, cut in rounds.rounds)
    assert tally.num_accepted_tokens + tally.num_steps - cuts == 30


def test_sampled_rounds_add_up_to_the_text(pair):
    target, draft = pair
    draft.generation_config = GenerationConfig(**constant_drafting(4))
    config = GenerationConfig(max_new_tokens=60, do_sample=True, top_k=0, pad_token_id=0)
    inputs = torch.tensor([PROMPT])
    torch.manual_seed(1)
    with CountedCandidates(target) as rounds, torch.inference_mode():
        for _ in range(3):
            target.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                generation_config=config,
                assistant_model=draft,
            )
    tally = rounds.run().tally
    assert rounds.num_tokens == 180 and tally.num_rejections and tally.num_accepted_tokens
    kept = sum(a + 1 for a, _, _ in rounds.rounds) - sum(cut for *_, cut in rounds.rounds)
    assert kept == 180


def test_the_model_is_itself_again_after_an_error(pair):
    target = pair[0]
    with pytest.raises(ZeroDivisionError), CountedCandidates(target):
        raise ZeroDivisionError
    assert "_get_candidate_generator" not in vars(target)


def test_what_does_not_generate_is_refused():
    with pytest.raises(InvalidArgument, match="Linear has no assisted generation"):
        CountedCandidates(torch.nn.Linear(2, VOCAB))
