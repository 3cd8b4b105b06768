"""The grid says what is run, in which order, and refuses what makes no sense."""

from __future__ import annotations

from collections import Counter

import pytest

from specdec_lib.bench.measure.grid import Grid, rotated, run_seed
from specdec_lib.errors import InvalidArgument


def test_cells_are_the_product_of_the_axes() -> None:
    grid = Grid(k_values=(1, 4), domains=("code",), temperatures=(0, 0.8), max_new_tokens=16, seed=7)
    labels = [(c.temperature, c.prompt_domain, c.decoder_label) for c in grid.cells()]
    assert labels == [(t, "code", label) for t in (0.0, 0.8) for label in ("AR", "SD-K1", "SD-K4")]
    assert {(c.model_pair_name, c.max_new_tokens, c.seed) for c in grid.cells()} == {("pocket", 16, 7)}
    assert len({c.config_hash() for c in grid.cells()}) == 6


def test_the_default_grid_is_the_one_of_the_book() -> None:
    grid = Grid()
    assert grid.arms == (0, 1, 2, 4, 8)
    assert grid.temperatures == (0.0, 0.8)
    assert grid.domains == ("code", "conversation", "summarization")
    assert grid.num_runs == sum(len(block.arms) for block in grid.blocks())


def test_every_block_runs_every_arm_and_no_arm_is_always_first() -> None:
    grid = Grid(num_prompts=5, repeats=2)
    blocks = list(grid.blocks())
    assert all(sorted(block.arms) == sorted(grid.arms) for block in blocks)
    firsts = Counter(block.arms[0] for block in blocks)
    assert set(firsts.values()) == {len(blocks) // len(grid.arms)}
    assert [block.repeat for block in blocks] == [0] * 30 + [1] * 30


def test_seeds_differ_between_blocks_and_repeat_between_sessions() -> None:
    seeds = [block.seed for block in Grid().blocks()]
    assert len(set(seeds)) == len(seeds)
    assert seeds == [block.seed for block in Grid().blocks()]
    assert seeds != [block.seed for block in Grid(seed=43).blocks()]
    assert 0 <= run_seed(42, "code", 0) < 2**31


def test_one_decoder_alone() -> None:
    assert Grid(decoders=["autoregressive"]).arms == (0,)
    assert Grid(decoders=["speculative"], k_values=[3]).arms == (3,)


def test_rotation_returns_to_the_start() -> None:
    assert [rotated((0, 1, 2), turn)[0] for turn in range(4)] == [0, 1, 2, 0]
    assert rotated((), 3) == ()


@pytest.mark.parametrize(
    "axis, value, word",
    [
        ("k_values", (0,), ">= 1"),
        ("k_values", (2.0,), "whole"),
        ("k_values", (True,), "whole"),
        ("k_values", (), "at least one"),
        ("k_values", (2, 2), "each once"),
        ("k_values", (2, "2"), "each once"),
        ("k_values", ("cost_aware",), "did you mean cost-aware"),
        ("k_values", 4, "give a list"),
        ("domains", "code", "give a list"),
        ("domains", ("poetry",), "choose from code"),
        ("decoders", ("beam",), "choose from autoregressive"),
        ("temperatures", (-0.1,), ">= 0"),
        ("temperatures", (float("nan"),), "finite"),
        ("temperatures", (float("inf"),), "finite"),
        ("max_new_tokens", 0, ">= 1"),
        ("num_prompts", 0, ">= 1"),
        ("num_prompts", {"code": 3}, "a number for each of code, conversation"),
        ("num_prompts", {"code": 0, "conversation": 1, "summarization": 1}, ">= 1"),
        ("repeats", -1, ">= 1"),
        ("seed", -1, ">= 0"),
        ("pair", "", "name a pair"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(axis: str, value: object, word: str) -> None:
    with pytest.raises(InvalidArgument, match=word) as caught:
        Grid(**{axis: value})
    assert axis in str(caught.value) and "\n" not in str(caught.value)


def test_a_grid_survives_json() -> None:
    grid = Grid(k_values=(3,), temperatures=(0.5,))
    assert Grid(**grid.to_dict()) == grid


def test_a_number_for_each_domain_and_names_of_ones_own() -> None:
    own = {"domains": ("b", "a"), "own_domains": True, "k_values": (2,), "repeats": 1, "temperatures": (0.0,)}
    grid = Grid(num_prompts={"a": 1, "b": 3}, **own)
    assert [block.domain for block in grid.blocks()] == ["b"] * 3 + ["a"] and grid.num_runs == 8
    assert Grid(**grid.to_dict()) == grid
    assert grid.with_prompts({"a": 2, "b": 2}).num_runs == 8
    with pytest.raises(InvalidArgument, match="domains holds ' '; give names"):
        Grid(**own | {"domains": (" ",)})


def test_a_temperature_beyond_every_float_is_named() -> None:
    with pytest.raises(InvalidArgument, match="temperatures hold 10000"):
        Grid(temperatures=(10**400,))


def test_policies_stand_among_the_lengths_in_their_plainest_spelling():
    grid = Grid(k_values=(2, "confidence", "cost-aware:most=3", " 5 "))
    assert grid.arms == (0, 2, "confidence:0.4", "cost-aware:most=3", 5)
    assert grid.numbers == (2, 5) and grid.timed_lengths == (1, 2, 3, 5, 8)
    config = grid.config("cost-aware:most=3", 0.0, "code")
    assert (config.K, config.policy, config.decoder_label) == (3, "cost-aware:most=3", "SD-cost-aware:most=3")
    assert "policy" not in grid.config(2, 0.0, "code").to_dict()
