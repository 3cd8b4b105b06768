"""The verdict in one native call: token for token that of the rule which the proofs are about."""

from __future__ import annotations

import itertools

import pytest
import torch

from specdec_lib.decoding.rejection import verify_natively, verify_tokens
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast.native.building import NoNative, native_library
from specdec_lib.models.fast.native.forward import native_verdict


@pytest.fixture(scope="module", autouse=True)
def needs_compiler():
    try:
        native_library()
    except NoNative as error:
        pytest.skip(f"nothing can be built here: {error}")


def table(seed: int, k: int, vocab: int, sharpness: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits, drafted = (torch.randn(rows, vocab, generator=generator) * sharpness for rows in (k + 1, k))
    if seed % 3 == 0:
        logits[:, ::2] = -torch.inf
    laws = drafted.softmax(-1)
    return logits, laws, torch.multinomial(laws, 1, generator=generator)[:, 0]


@pytest.mark.parametrize("temperature", [0.05, 0.8, 1.0, 1.7])
@pytest.mark.parametrize(("k", "vocab"), [(1, 2), (3, 7), (4, 65), (8, 300)])
def test_the_same_numbers_give_the_same_verdict(temperature, k, vocab):
    kept = set()
    for seed in range(150):
        logits, laws, ids = table(seed, k, vocab, (0.2, 1.0, 4.0)[seed % 3])
        probs = probs_from_logits(logits, SamplingParams(temperature))
        theirs = verify_tokens(probs, laws, ids, generator=torch.Generator().manual_seed(seed))
        ours = verify_natively(logits, temperature, laws, ids, torch.Generator().manual_seed(seed))
        assert ours == theirs and torch.equal(ours.uniforms, theirs.uniforms)
        kept.add(ours.num_accepted)
    assert 0 in kept and len(kept) > 1


def test_over_all_chances_it_keeps_the_target_law():
    """Every uniform and every chance of a grid, for every draft token by its own probability."""
    target, draft = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    logits, steps = target.log()[None].repeat(2, 1), 200
    grid = [(step + 0.5) / steps for step in range(steps)]
    law = torch.zeros(3, dtype=torch.float64)
    for token in range(3):
        for uniform, chance in itertools.product(grid, grid[::4]):
            ids, laws = torch.tensor([token]), draft[None]
            stays, behind = native_verdict(logits, 1.0, ids, laws, torch.tensor([uniform]), chance)
            law[token if stays else behind] += float(draft[token]) / steps / len(grid[::4])
    assert (law - target.double()).abs().amax() < 0.01
    assert (law - draft.double()).abs().amax() > 0.3


def test_a_token_that_the_draft_gives_no_chance_is_refused():
    logits, laws = torch.zeros(2, 3), torch.tensor([[0.0, 0.5, 0.5]])
    assert native_verdict(logits, 1.0, torch.tensor([0]), laws, torch.zeros(1), 0.0)[0] == 0


def test_equal_laws_correct_nothing_and_draw_from_the_target():
    """By rounding alone a token may be rejected; what follows is then drawn from p itself."""
    laws = torch.tensor([[0.25, 0.75]])
    verdict = native_verdict(laws.log().repeat(2, 1), 1.0, torch.tensor([0]), laws, torch.ones(1), 0.9)
    assert verdict in ((0, 1), (1, 1))


def test_odd_shapes_and_ids_are_refused():
    logits, laws, ids = table(1, 3, 5, 1.0)
    with pytest.raises(InvalidArgument, match=r"3 draft ids need target_probs \[4, vocab\]"):
        verify_natively(logits[:3], 1.0, laws, ids)
    with pytest.raises(IndexError):
        native_verdict(logits, 1.0, torch.tensor([1, 5, 1]), laws, torch.zeros(3), 0.5)


@pytest.mark.parametrize("vocab", [1, 5, 127, 128, 129, 400])
def test_a_token_of_probability_0_is_never_drawn(vocab):
    """Neither where chance is as large as it can be, nor in front of the first that is possible."""
    logits = torch.full((1, vocab), -torch.inf)
    logits[0, vocab // 2] = 3.0
    none = torch.empty(0, dtype=torch.long), torch.empty(0, vocab), torch.empty(0)
    for chance in (0.0, 0.5, 1 - 2**-53):
        ids, laws, uniforms = none
        assert native_verdict(logits, 0.7, ids, laws, uniforms, chance) == (0, vocab // 2)


def test_every_token_is_drawn_where_its_part_of_the_sum_lies():
    law = torch.rand(300, generator=torch.Generator().manual_seed(1))
    law[::7] = 0
    ends = (law.double() / law.double().sum()).cumsum(0)
    ids, uniforms = torch.empty(0, dtype=torch.long), torch.empty(0)
    for token in range(1, 300):
        middle = float(ends[token - 1] + ends[token]) / 2
        drawn = native_verdict(law.log()[None], 1.0, ids, torch.empty(0, 300), uniforms, middle)[1]
        assert drawn == token or law[token] == 0
