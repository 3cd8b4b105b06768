"""Exact laws by replay: every idiom of drawing a token, the library's loop, wrong loops, refusals."""

import random
from functools import partial

import numpy as np
import pytest
import torch

from specdec_lib import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, NotRepeatable, Unfollowed
from specdec_lib.lossless.audit.branches import Branches, distances_of, law_of
from specdec_lib.lossless.laws.enumeration import target_law, total_variation
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.gallery import find_mutant

pytestmark = pytest.mark.unchecked  # an undecided number is no float32, whatever its tensor says

P = torch.tensor([0.1, 0.2, 0.7])


def _first(values: torch.Tensor) -> int:
    return int(values.argmax())


def _cumulative_by_hand() -> int:
    u = torch.rand(1, generator=torch.Generator().manual_seed(3)).item()
    return 0 if u < P[0] else 1 if u < float(P[0] + P[1]) else 2


def _gumbel() -> int:
    noise = -torch.log(-torch.log(torch.rand(3) + 1e-20) + 1e-20)
    return int((P.log() / 0.5 + noise / 0.5 * 0.5).argmax())


IDIOMS = {
    "multinomial": lambda: int(P.multinomial(1)),
    "multinomial of a generator": lambda: int(torch.multinomial(P, 1, generator=torch.Generator())),
    "categorical": lambda: int(torch.distributions.Categorical(P).sample()),
    "inverted": lambda: int(torch.searchsorted(P.cumsum(0), torch.rand(1))),
    "bucketised": lambda: int(torch.bucketize(torch.rand(1), P.cumsum(0))),
    "counted": lambda: int((P.cumsum(0) < torch.rand(())).sum()),
    "by hand": _cumulative_by_hand,
    "race": lambda: _first(P / torch.empty_like(P).exponential_(1)),
    "race in place": lambda: _first(torch.empty_like(P).exponential_(1).reciprocal_().mul_(P)),
    "race with its values": lambda: int((P / torch.empty_like(P).exponential_()).max(-1).indices),
    "first of a race": lambda: int((torch.empty_like(P).exponential_(2.0) / P).argmin()),
    "race of logarithms": lambda: int((-torch.rand_like(P).log() / P).argmin()),
    "Gumbel": lambda: _first(P.log() - torch.empty_like(P).exponential_().log()),
    "two uniforms": lambda: 2 if torch.rand(2)[1] < 0.7 else 1 if torch.rand(()) * 3 < 2 else 0,
    "stacked": lambda: int((P.cumsum(0) < torch.stack([torch.rand(()), torch.rand(())])[1]).sum()),
    "uniform in place": lambda: int((10 * P.cumsum(0) < torch.empty(1).uniform_(0, 10)).sum()),
    "the other half": lambda: int((P.cumsum(0) < 1 - torch.rand(1)).sum()),
    "a logarithm": lambda: int((P.cumsum(0).log() < torch.rand(1).log()).sum()),
    "bernoulli": lambda: 2 if torch.bernoulli(P)[2] else 1 if torch.empty(1).bernoulli_(2 / 3) else 0,
}


@pytest.mark.parametrize("idiom", IDIOMS)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.enable_grad])
def test_every_way_to_draw_a_token_has_its_law(idiom, mode):
    with mode():
        found = law_of(IDIOMS[idiom])
    assert found.unvisited < 1e-9
    assert sum(found.law.values()) == pytest.approx(1, abs=1e-9)
    assert [found.law[token] for token in range(3)] == pytest.approx(P.tolist(), abs=1e-6)


def test_a_temperature_of_gumbel_noise():
    found = law_of(_gumbel)
    assert [found.law[token] for token in range(3)] == pytest.approx((P**2 / (P**2).sum()).tolist(), abs=1e-6)


def test_without_replacement_and_whole_numbers():
    found = law_of(lambda: P.multinomial(2).tolist())
    assert found.law[(0, 2)] == pytest.approx(0.1 * 0.7 / 0.9, abs=1e-6)
    found = law_of(lambda: (int(torch.randint(1, 3, ())), *torch.randperm(2).tolist()))
    assert found.law == pytest.approx({(a, b, 1 - b): 1 / 4 for a in (1, 2) for b in (0, 1)})


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_our_loop_has_the_law_of_its_target(verifier):
    world = Scenario(seed=0, vocab=3, length=3)
    target, draft = world.models
    decoder = SpeculativeDecoder(target, draft, k=2, verifier=verifier)
    found = law_of(
        lambda: decoder.generate(list(world.prompt), world.length, 0.7, ignore_eos=True).generated_ids
    )
    least, largest = found.distance_to(target_law(partial(world.warped, target), world.length))
    assert largest < 1e-6 and least <= largest
    assert found.num_replays < 300 and found.num_choices > 3


@pytest.mark.parametrize(
    "name", ["residual_is_p", "bonus_from_the_draft", "one_uniform_a_round", "correction_reuses_the_uniform"]
)
def test_wrong_loops_have_another(name):
    mutant = find_mutant(name)
    world = Scenario(seed=0, vocab=3, length=3, k=2, prompt=(1, 0))
    target, draft = world.models
    decoder = mutant.build(target, draft, world.k)
    found = law_of(
        lambda: decoder.generate(list(world.prompt), world.length, 0.7, ignore_eos=True).generated_ids,
        enough=1e-3,
    )
    least, _ = found.distance_to(target_law(partial(world.warped, target), world.length))
    assert least > 0.002


def test_the_smallest_deviation_shows():
    def nearly() -> int:
        return int((P + torch.tensor([1e-4, 0, -1e-4])).multinomial(1))

    least, largest = law_of(nearly).distance_to(dict(enumerate(P.tolist())))
    assert least == pytest.approx(1e-4, rel=1e-2) and largest == pytest.approx(1e-4, rel=1e-2)


def test_what_was_not_visited_bounds_the_rest():
    world = Scenario(seed=1, vocab=4, length=3)
    target, draft = world.models
    decoder = SpeculativeDecoder(target, draft, k=2)
    law = target_law(partial(world.warped, target), 3)
    told = []
    found = law_of(
        lambda: decoder.generate(list(world.prompt), 3, 0.7, ignore_eos=True).generated_ids,
        most_replays=40,
        report=lambda replays, unvisited: told.append(unvisited),
    )
    assert found.num_replays == 40 and found.unvisited == told[-1]
    assert told == sorted(told, reverse=True)
    assert sum(found.law.values()) + found.unvisited == pytest.approx(1)
    assert all(found.law[one] <= law[one] + 1e-6 for one in found.law)
    least, largest = found.distance_to(law)
    assert least < 1e-6 and largest == pytest.approx(found.unvisited, abs=1e-6)
    assert total_variation(dict(found.law), law) > least


def test_a_deadline_keeps_what_was_summed():
    found = law_of(lambda: P.multinomial(1).tolist(), seconds=0.0)
    assert found.law == pytest.approx({(2,): 0.7}) and found.unvisited == pytest.approx(0.3)


REFUSED = {
    "randn": lambda: float(torch.randn(1)),
    "dropout": lambda: torch.nn.functional.dropout(P, 0.5, True).tolist(),
    "float()": lambda: float(torch.rand(1)) < 0.5,
    "bool()": lambda: bool(torch.rand(1)),
    "numpy()": lambda: torch.rand(1).numpy()[0] < 0.5,
    "sort": lambda: torch.rand(2).sort().indices.tolist(),
    "compared": lambda: bool(torch.rand(1) < torch.rand(1)),
    "once more": lambda: _race_twice(),
    "neither Gumbel's": lambda: int(torch.rand(3).argmax()),
    "outcomes": lambda: int(torch.randint(0, 10**6, ())),
    "no law": lambda: int((P * torch.nan).multinomial(1)),
    "not torch's": lambda: torch.from_numpy(np.zeros(2)).uniform_().tolist(),
    "what comes out": lambda: torch.rand(2),
    "Python": lambda: random.choice([0, 1]),
    "NumPy": lambda: np.random.rand(2)[0] < 0.5,
}


def _race_twice() -> list[int]:
    noise = torch.empty(3).exponential_()
    return [int((P / noise).argmax()), int((P.flip(0) / noise).argmax())]


@pytest.mark.parametrize("named", REFUSED)
def test_what_cannot_be_taken_is_refused_by_name(named):
    with torch.inference_mode(), pytest.raises(Unfollowed) as info:
        law_of(REFUSED[named])
    assert named in str(info.value) and "\n" not in str(info.value)


def test_weights_that_are_initialised_and_written_over():
    def decode() -> int:
        layer = torch.nn.Linear(3, 1, bias=False)
        with torch.no_grad():
            layer.weight.copy_(P.log()[None])
            return int(layer.weight[0].exp().multinomial(1))

    assert law_of(decode).law[2] == pytest.approx(0.7, abs=1e-6)
    with pytest.raises(Unfollowed, match="set_"):
        law_of(lambda: torch.zeros(3).set_(torch.rand(3)).tolist())


def test_another_thread_is_seen():
    import threading

    def decode() -> int:
        drawn: list[int] = []
        thread = threading.Thread(target=lambda: drawn.append(int(P.multinomial(1))))
        thread.start()
        thread.join()
        return drawn[0]

    with pytest.raises(Unfollowed, match="torch's global generator"):
        law_of(decode)


def test_draws_elsewhere_that_do_not_matter():
    def decode() -> int:
        random.random()
        np.random.rand()
        return int(P.multinomial(1))

    assert law_of(decode).law[2] == pytest.approx(0.7, abs=1e-6)


def test_seeding_is_no_draw():
    def decode() -> int:
        torch.manual_seed(5)
        return int(P.multinomial(1))

    assert law_of(decode).law[2] == pytest.approx(0.7, abs=1e-6)


def test_a_decoder_that_remembers_is_refused():
    calls = []

    def decode() -> int:
        calls.append(0)
        return int((P if len(calls) % 2 else P.flip(0)).multinomial(1))

    with pytest.raises(NotRepeatable, match="keeps something"):
        law_of(decode)
    with pytest.raises(NotRepeatable, match="keeps something"):
        law_of(lambda: calls.append(0) or len(calls))


def test_a_decoder_that_stops_drawing_is_refused():
    calls = []

    def decode() -> list[int]:
        calls.append(0)
        return [int(P.multinomial(1)) for _ in range(1 if len(calls) > 2 else 2)]

    with pytest.raises(NotRepeatable):
        law_of(decode)


def test_the_context_manager_by_hand():
    with Branches() as branches:
        for _ in branches.replays():
            branches.emit(P.multinomial(1).tolist())
    assert branches.result().law[(2,)] == pytest.approx(0.7)
    with Branches() as branches, pytest.raises(NotRepeatable, match="0 times"):
        for _ in branches.replays():
            P.multinomial(1)


@pytest.mark.parametrize("limits", [{"most_replays": 0}, {"enough": 1.0}, {"enough": -0.1}])
def test_odd_limits_are_refused(limits):
    with pytest.raises(InvalidArgument, match="most_replays"):
        law_of(lambda: 0, **limits)


def test_nothing_drawn_is_one_replay():
    found = law_of(lambda: [1, 2])
    assert found.law == {(1, 2): 1.0} and found.num_replays == 1 and found.unvisited == 0


def test_shapes_alone_are_no_choices():
    def built_and_drawn():
        built = torch.nn.Linear(
            3, 3, device="meta"
        )  # fills its weights with random numbers, of which are none
        assert torch.rand(2, device="meta").is_meta and torch.randn_like(built.weight).is_meta
        return int(P.multinomial(1))

    found = law_of(built_and_drawn)
    assert found.num_choices == 1 and found.law == pytest.approx({0: 0.1, 1: 0.2, 2: 0.7})


def test_the_distance_closes_in_replay_by_replay():
    shifted = [0.1, 0.3, 0.6]
    steps = distances_of(lambda: int(P.multinomial(1)), dict(enumerate(shifted)))
    assert [step.num_replays for step in steps] == [1, 2, 3]
    assert [step.least for step in steps] == pytest.approx([0.1, 0.1, 0.1], abs=1e-6)
    assert [step.largest for step in steps] == pytest.approx([0.4, 0.2, 0.1], abs=1e-6)
    assert all(step.largest == pytest.approx(step.least + step.unvisited) for step in steps)
    assert len(distances_of(lambda: int(P.multinomial(1)), {}, most_replays=2)) == 2
