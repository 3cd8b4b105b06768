"""Ways to draw a token that real decoders use, and ways to handle what was drawn: the law, or a refusal."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from specdec_lib.errors import InvalidArgument, NotRepeatable, Unfollowed
from specdec_lib.lossless.audit.branches import law_of

pytestmark = pytest.mark.unchecked  # an undecided number is no float32, whatever its tensor says

P = torch.tensor([0.1, 0.2, 0.7])
Q = torch.tensor([0.5, 0.3, 0.2])
TOKENS: dict[str, Callable[[], Any]] = {}
SHARES: dict[str, Callable[[], Any]] = {}


def _token(decode: Callable[[], Any]) -> Callable[[], Any]:
    TOKENS[decode.__name__] = decode
    return decode


def _raced(probs: Tensor) -> Tensor:
    return (probs / torch.empty_like(probs).exponential_()).argmax(-1, keepdim=True)


# -- whole verifiers: whatever the draft is, what comes out has the law P ---------------------------


@_token
def one_draft_and_a_race_for_the_rest() -> int:
    drafted = _raced(Q)
    accepted = torch.minimum(torch.ones(()), P[drafted] / Q[drafted])
    if not len((torch.rand_like(accepted) > accepted).nonzero()):
        return int(drafted)
    rest = (P - Q).clamp_min(0)
    return int(_raced(rest / rest.sum()))


@_token
def rejection_in_batches() -> int:
    draft, target = Q.expand(1, 1, 3), P.expand(1, 1, 3)
    ids = torch.empty(1, 1, 3).exponential_().reciprocal_().mul_(draft).argmax(-1)
    ratio = (target / draft).gather(-1, ids[..., None])[..., 0]
    kept = (ratio >= torch.rand(1, 1, dtype=torch.float64)).cumprod(1).bool()
    noise = torch.empty(1, 3)
    for row in range(1):
        noise[row].exponential_(generator=torch.Generator().manual_seed(row))
    recovered = ((target - draft).clamp_min(0) / noise.unsqueeze(1)).argmax(-1)
    return int(torch.where(kept, ids, recovered)[0, 0])


@_token
def candidates_one_after_another() -> int:
    left = P.clone()
    for _ in range(2):
        token = int(Q.multinomial(1))
        if torch.rand(1).item() <= float(left[token]) / float(Q[token]):
            return token
        left = (left - Q).clamp(min=0)
        left = left / left.sum()
    return int(left.multinomial(1))


@_token
def coins_of_a_tree() -> int:
    coins, reached = torch.rand(2, 2), 0.0
    for token in range(2):
        reached += float(P[token])
        if coins[0, 0] <= reached:
            return token
    return 2


@_token
def sorted_and_cut() -> int:
    probs, ids = P.sort(descending=True)
    probs[(probs.cumsum(-1) - probs) > 1.0] = 0
    return int(ids.gather(-1, probs.div_(probs.sum()).multinomial(1)))


@_token
def gumbel_with_masked_places() -> int:
    noisy = torch.cat([P.log(), torch.zeros(2)]) - torch.empty(5).exponential_().log()
    noisy = noisy.masked_fill(torch.tensor([0, 0, 0, 1, 0]).bool(), -torch.inf)
    noisy[4] = torch.finfo(torch.float32).min
    return int(noisy.argmax())


@_token
def a_buffer_used_again() -> int:
    noise = torch.empty(3)
    for probs in (Q, P):
        token = int((probs / noise.exponential_()).argmax())
    return token


@_token
def drawn_into_a_tensor() -> int:
    return int(torch.multinomial(P, 1, out=(made := torch.zeros(1, dtype=torch.long)))) * 0 + int(made)


@_token
def a_python_number_in_torch() -> int:
    return int(torch.searchsorted(P.cumsum(0), torch.rand(1).item()))


@_token
def compared_with_a_python_number() -> int:
    return int((P.cumsum(0) < torch.rand(1).item()).sum())


@_token
def mapped() -> int:
    return int(torch.vmap(lambda p: p.multinomial(1), randomness="different")(P.expand(2, 3))[0])


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_drawn_from_its_law(name: str) -> None:
    found = law_of(TOKENS[name])
    assert [found.law[token] for token in range(3)] == pytest.approx(P.tolist(), abs=1e-6)


# -- what is done with a uniform on the way: 0.7 of it has to be left ------------------------------


def _share(decode: Callable[[], Any]) -> Callable[[], Any]:
    SHARES[decode.__name__] = decode
    return decode


@_share
def written_through_a_view() -> bool:
    u = torch.rand(2, 2)
    u.view(-1).mul_(2).sub_(1)
    return bool(u[1, 1] < 0.4)


@_share
def written_into_a_place() -> bool:
    u = torch.rand(2)
    u[1] = 2.0
    return bool(u[0] < 0.7) and float(u[1]) == 2


@_share
def filled_where_a_view_was_before() -> bool:
    room = torch.zeros(4)
    part = room[1:3]
    part.uniform_()
    return bool(room[2] < 0.7) and float(room[3]) == 0


@_share
def changed_behind_autograd() -> bool:
    u = torch.nn.Parameter(torch.rand(2))
    u.data.mul_(2)
    return bool(u[0] < 1.4)


@_share
def written_into_out() -> bool:
    made, answer = torch.zeros(2), torch.zeros(2, dtype=torch.bool)
    torch.mul(torch.rand(2, out=torch.zeros(2)), 2, out=made)
    torch.lt(made, 1.4, out=answer)
    return bool(answer[1])


@_share
def copied_row_by_row() -> bool:
    room = torch.zeros(2, 3)
    room[0] = torch.rand(3)
    room[1].copy_(room[0])
    return bool(room[1, 2] < 0.7)


@_share
def clamped_both_ways() -> bool:
    u = (torch.rand(1) * 10).clamp(2, 8)
    return bool(u < 7) and bool(u < 9)


@_share
def picked() -> bool:
    u = torch.where(torch.tensor([True, False]), torch.rand(2), torch.ones(()))
    u.masked_fill_(torch.tensor([False, True]), 3.0)
    return bool(u[0] < 0.7)


@_share
def a_whole_number() -> bool:
    return int(torch.rand(1).item() * 10) < 7 and int((torch.rand(1) * 3).long()) < 3


@_share
def a_whole_number_in_torch() -> bool:
    return bool((torch.rand(2) * 10).to(torch.int32)[1] < 7)


@_share
def made_of_tensors_and_numbers() -> bool:
    return bool(torch.tensor([torch.rand(()), torch.rand(1).item()])[0] < 0.7)


@_share
def a_number_of_pythons() -> bool:
    random.shuffle([1, 2])
    return not P[2] < random.random() and random.uniform(0, 10) < 10


@_share
def a_number_of_numpys() -> bool:
    return bool(np.random.rand() <= np.float64(0.7)) and np.random.uniform() < 1


@_share
def divided_by_infinity() -> bool:
    return torch.rand(1).item() / torch.inf == 0 and bool(torch.rand(1) < 0.7)


@pytest.mark.parametrize("name", SHARES)
def test_a_uniform_keeps_its_law(name: str) -> None:
    assert law_of(SHARES[name]).law.get(True, 0.0) == pytest.approx(0.7, abs=1e-6)


# -- what cannot be summed --------------------------------------------------------------------------

OWN = np.random.default_rng(1)
REFUSALS = {
    "neither Gumbel's": lambda: int(torch.cat([P.log() - _exponentials().log(), P[:1].log()]).argmax()),
    "nor a race": lambda: int(torch.cat([-_exponentials(), torch.zeros(1)]).argmax()),
    "race of exponentials": lambda: int(torch.cat([-_exponentials(), 1 / _exponentials()]).argmax()),
    "nan": lambda: bool((torch.rand(1) - 0.5).clamp(min=0) < 0),
    "1.2": lambda: torch.bernoulli(torch.tensor([1.2])).tolist(),
    "__dlpack__": lambda: np.from_dlpack(torch.rand(1))[0] < 0.7,
    "torch.int32": lambda: int(torch.rand(1).view(torch.int32)),
    "torch.bool": lambda: bool(torch.rand(1).bool()),
    "float()": lambda: bool(torch.Tensor([torch.rand(())]) < 0.7),
    "new()": lambda: bool(torch.zeros(1).new([torch.rand(())]) < 0.7),
    "untyped_storage()": lambda: torch.rand(2).untyped_storage().tolist(),
    "format()": lambda: f"{torch.rand(1).item():.3f}",
    "**": lambda: torch.rand(1).item() ** 2 < 0.49,
    "randperm": lambda: torch.randperm(10**5).tolist(),
}


def _exponentials() -> Tensor:
    return torch.empty(3).exponential_()


@pytest.mark.parametrize("named", REFUSALS)
def test_what_would_be_wrong_is_refused_by_name(named: str) -> None:
    with pytest.raises(Unfollowed) as info:
        law_of(REFUSALS[named])
    assert named in str(info.value) and "\n" not in str(info.value)


def test_a_generator_of_its_own_is_found_out() -> None:
    with pytest.raises(NotRepeatable):
        law_of(lambda: int(OWN.choice(3, p=[0.1, 0.2, 0.7])))


def test_what_comes_out_is_counted_or_refused() -> None:
    assert law_of(lambda: [[torch.ones(2, dtype=torch.long)]]).law == {(((1, 1),),): 1.0}
    with pytest.raises(InvalidArgument, match="dict"):
        law_of(dict)


def test_pythons_own_functions_are_back_afterwards() -> None:
    own = random.random, np.random.rand
    with pytest.raises(ZeroDivisionError):
        law_of(lambda: 1 / (random.random() < 0.5))
    assert (random.random, np.random.rand) == own
