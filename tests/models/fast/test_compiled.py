"""The compiled forward: the same logits, few graphs, no recompilation, and eager code where it cannot be.

Graphs are traced and guarded by the real compiler front end; the back end that runs them as they are spares
these tests the C++ build. One test builds for real.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import os
import re
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch
from models.architectures import (
    CONFIGS,
    CONTEXT,
    ROUNDING,
    SHARED_KV,
    SLIDING,
    TakesCache,
    TakesPastKeyValues,
    llama_config,
    random_ids,
    tiny_model,
)
from transformers import PreTrainedModel

from specdec_lib.decoding import sampling
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters import unrolled
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import UnsoundLogits
from specdec_lib.models import vocabulary
from specdec_lib.models import wrapper as wrapper_module
from specdec_lib.models.architecture import soundness
from specdec_lib.models.caches import fixed as static_cache
from specdec_lib.models.caches.fixed import FixedCache, bucket
from specdec_lib.models.caches.preallocated import PreallocatedCache
from specdec_lib.models.caches.rollback import MOST_RESERVED
from specdec_lib.models.fast import compiled as compiled_module
from specdec_lib.models.fast import forms, narrow, packed, products
from specdec_lib.models.fast import graph as graph_module
from specdec_lib.models.wrapper import ModelWrapper

PRODUCTS = (forms, narrow, packed, products)
TRACED = (
    *(compiled_module, *PRODUCTS, sampling, soundness, static_cache, unrolled),
    *(vocabulary, wrapper_module),
)
FULL = [name for name in (*CONFIGS, *SHARED_KV) if name not in SLIDING and "(" not in name]


@pytest.fixture(autouse=True)
def as_users_run_it(monkeypatch, by_graphs):
    """Without the shape checks of the test suite, which do not trace."""
    for module in TRACED:
        own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]
        for owner in (module, *own):
            for name, member in list(vars(owner).items()):
                if isinstance(member, property):
                    monkeypatch.setattr(owner, name, property(inspect.unwrap(member.fget)))
                elif hasattr(member, "__wrapped__") and name not in (
                    "_rehearse",
                    "propose",
                    "drafting",
                    "products_in",
                ):
                    whole = owner is ModelWrapper and name == "forward"  # keeps its inference mode
                    monkeypatch.setattr(owner, name, member if whole else inspect.unwrap(member))


@pytest.fixture
def graphs(monkeypatch):
    """The functions that were handed to the compiler, run by its eager back end."""
    compiler, handed = torch.compile, []

    def compile_eagerly(function, **options):
        options.pop("mode")
        handed.append(function.__name__)
        return compiler(function, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    return handed


def shallow(name: str = "llama") -> PreTrainedModel:
    """The model of that name with one layer: a graph is traced layer by layer, and each costs as much."""
    config = copy.deepcopy(CONFIGS[name])
    config.num_hidden_layers = 1
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:1]
    return tiny_model(config)


def broken_compiler(monkeypatch, run):
    monkeypatch.setattr(torch, "compile", lambda function, **_: lambda *inputs: run(function, *inputs))


def warnings(capsys) -> list[dict]:
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    return [line for line in lines if line["level"] == "warning"]


def assert_same(compiled: ModelWrapper, eager: ModelWrapper, steps) -> None:
    """A prompt, then (keep, width) after (keep, width): roll back to ``keep``, feed ``width`` tokens."""
    caches = [model.forward(random_ids(9))[1] for model in (compiled, eager)]
    for number, (keep, width) in enumerate(steps):
        new = random_ids(width, seed=number)
        answers = []
        for index, model in enumerate((compiled, eager)):
            logits, caches[index] = model.forward(new, model.truncate_cache(caches[index], keep))
            assert model.get_cache_length(caches[index]) == keep + width
            answers.append(logits)
        torch.testing.assert_close(*answers, atol=ROUNDING, rtol=0)


STEPS = [(9, 1), (10, 5), (12, 3), (15, 2), (14, 5), (19, 1), (7, 4)]


@pytest.mark.parametrize("name", FULL)
def test_compiled_logits_are_the_eager_ones(name, graphs):
    """Llama has two layers here, one that shares keys and values four; of the others one says the same."""
    model = shallow(name) if name in CONFIGS and name != "llama" else tiny_model(name)
    compiled = ModelWrapper(model, compile=True)
    compiled.expect_widths(5)
    assert_same(compiled, ModelWrapper(model), STEPS)
    assert compiled.compiled.active and compiled.compiled.num_graphs == 2 == len(graphs)


@pytest.mark.parametrize("kind", [TakesPastKeyValues, TakesCache])
def test_a_store_is_handed_over_under_the_name_that_the_forward_gives_a_cache(kind, graphs):
    model = kind(llama_config(num_hidden_layers=1))
    compiled = ModelWrapper(model, compile=True)
    assert_same(compiled, ModelWrapper(model), STEPS)
    assert compiled.compiled.active and graphs


def test_no_recompilation_after_warm_up(graphs, monkeypatch):
    """Every length, every shorter feed and every new text runs on the graphs there are, guards and all."""
    monkeypatch.setattr(graph_module, "GUARDED_CALLS", 10_000)
    compiled = ModelWrapper(tiny_model("llama"), compile=True)
    compiled.expect_widths(5)
    assert_same(compiled, ModelWrapper(tiny_model("llama")), STEPS)
    before = len(graphs)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for _ in range(3):
            assert_same(compiled, ModelWrapper(tiny_model("llama")), [(3, 5), (8, 2), *STEPS])
    assert len(graphs) == before and compiled.compiled.active


def test_nothing_is_padded_beyond_the_context(graphs):
    compiled = ModelWrapper(tiny_model("gpt2"), compile=True)
    compiled.expect_widths(5)
    ids = random_ids(CONTEXT)
    _, cache = compiled.forward(ids[:, : CONTEXT - 2])
    logits, _ = compiled.forward(ids[:, -2:], cache)
    torch.testing.assert_close(
        logits, ModelWrapper(tiny_model("gpt2")).forward(ids)[0][:, -2:], atol=ROUNDING, rtol=0
    )
    assert graphs == []


def test_a_text_that_outgrows_its_buffers_gets_larger_ones(graphs):
    model = tiny_model(llama_config(max_position_embeddings=1200))
    compiled, eager = ModelWrapper(model, compile=True), ModelWrapper(model)
    ids = random_ids(1038)
    caches = [wrapper.forward(ids[:, :1018])[1] for wrapper in (compiled, eager)]
    assert caches[0].capacity == 1024
    for start in range(1018, 1038, 4):
        new = ids[:, start : start + 4]
        ours, theirs = (w.forward(new, cache)[0] for w, cache in zip((compiled, eager), caches, strict=True))
        torch.testing.assert_close(ours, theirs, atol=ROUNDING, rtol=0)
    assert caches[0].capacity == 2048


def test_caches_that_share_a_store_do_not_disturb_each_other(graphs):
    compiled = ModelWrapper(shallow(), compile=True)
    ids, new, other = random_ids(9), random_ids(1, seed=2), random_ids(1, seed=3)
    _, cache = compiled.forward(ids)
    shorter = compiled.truncate_cache(cache, 5)
    for kept, held, fed in ((5, shorter, new), (9, cache, other), (6, shorter, other)):
        logits, _ = compiled.forward(fed, held)
        text = torch.cat(
            [ids[:, : min(kept, 5) if held is shorter else 9], *([new] if kept == 6 else []), fed], 1
        )
        fresh = ModelWrapper(shallow()).forward(text)[0][:, -1:]
        torch.testing.assert_close(logits, fresh, atol=ROUNDING, rtol=0)


def test_buffers_are_used_again_when_their_text_is_gone(graphs):
    compiled = ModelWrapper(tiny_model("llama"), compile=True)
    _, cache = compiled.forward(random_ids(9))
    first = cache.store
    _, second = compiled.forward(random_ids(3))
    assert second.store is not first
    del cache
    _, third = compiled.forward(random_ids(4))
    assert third.store is first and third.memory_mb > 0


@pytest.mark.parametrize(("length", "capacity"), [(1, 1024), (1024, 1024), (1025, 2048), (5000, 8192)])
def test_capacities_are_few(length, capacity):
    assert bucket(length) == capacity


def test_a_compiler_that_fails_is_answered_eagerly_and_in_one_line(monkeypatch, capsys):
    def fails(function, *inputs):
        function(*inputs)  # after it has written to the cache
        raise RuntimeError("no C++ compiler\nand a page of details")

    broken_compiler(monkeypatch, fails)
    wrapper = ModelWrapper(tiny_model("llama"), compile=True)
    assert_same(wrapper, ModelWrapper(tiny_model("llama")), STEPS)
    (event,) = warnings(capsys)
    assert "torch.compile" in event["event"] and event["reason"] == "RuntimeError: no C++ compiler"
    assert not wrapper.compiled.active and isinstance(wrapper.new_cache(), PreallocatedCache)


def test_a_compiler_that_miscomputes_is_found_out(monkeypatch, capsys):
    broken_compiler(monkeypatch, lambda function, *inputs: function(*inputs) + 1)
    wrapper = ModelWrapper(tiny_model("llama"), compile=True)
    assert_same(wrapper, ModelWrapper(tiny_model("llama")), STEPS)
    (event,) = warnings(capsys)
    assert re.search(r"logits .* 1$", event["reason"])


@pytest.mark.parametrize("name", SLIDING)
def test_a_model_that_does_not_see_the_whole_text_runs_eagerly_and_says_so(name, capsys):
    wrapper = ModelWrapper(tiny_model(name), compile=True)
    (event,) = warnings(capsys)
    assert type(wrapper.model).__name__ in event["reason"] and "layers" in event["reason"]
    assert_same(wrapper, ModelWrapper(tiny_model(name)), STEPS)


def test_a_model_that_reads_a_mask_in_a_way_of_its_own_runs_eagerly(monkeypatch, capsys):
    """ALiBi, for one, counts the mask: what a model says on fixed buffers is compared first."""
    model = tiny_model("llama")
    forward = model.forward

    @functools.wraps(forward)
    def biased(attention_mask=None, **inputs):
        output = forward(attention_mask=attention_mask, **inputs)
        output.logits = output.logits + (0 if attention_mask is None else attention_mask.shape[-1])
        return output

    monkeypatch.setattr(model, "forward", biased)
    wrapper = ModelWrapper(model, compile=True)
    (event,) = warnings(capsys)
    assert not wrapper.compiled.active and re.search(r"logits .* 8$", event["reason"])


def test_a_mistake_of_the_caller_is_raised_as_without_compilation(graphs):
    wrapper = ModelWrapper(tiny_model("llama"), compile=True)
    with pytest.raises(IndexError):
        wrapper.forward(torch.tensor([[10_000]]))


# -- decoding -----------------------------------------------------------------------------------


def pair(compile: bool) -> list[ModelWrapper]:
    """A target and a draft that is often right, of one layer each."""
    target, draft = shallow(), shallow()
    with torch.no_grad():
        for parameter in draft.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return [ModelWrapper(model, compile=compile) for model in (target, draft)]


@pytest.mark.parametrize("k", [1, 3])
def test_greedy_ids_are_the_baseline_s(k, graphs):
    target, draft = pair(True)
    compiled = SpeculativeDecoder(target, draft, k)
    for seed in range(3):
        prompt = random_ids(5 + seed, seed=seed)[0].tolist()
        expected = AutoregressiveDecoder(pair(False)[0]).generate(prompt, 30, 0.0, ignore_eos=True)
        for decoder in (compiled, AutoregressiveDecoder(target)):
            assert decoder.generate(prompt, 30, 0.0, ignore_eos=True).generated_ids == expected.generated_ids
    assert target.compiled.active and draft.compiled.active
    assert "draft_loop" in " ".join(graphs)


def test_an_unrolled_draft_is_drawn_as_step_by_step(graphs):
    params = SamplingParams(temperature=0.8, top_k=20)
    text = random_ids(6)[0].tolist()
    drafters = [DraftModel(pair(compile)[1]).start(text) for compile in (True, False)]
    for round_ in range(4):
        proposals = [
            drafter.propose(text, 3 if round_ else 4, params, torch.Generator().manual_seed(round_))
            for drafter in drafters
        ]
        ours, theirs = proposals
        assert ours.ids.tolist() == theirs.ids.tolist()
        torch.testing.assert_close(ours.probs, theirs.probs, atol=1e-5, rtol=0)
        kept = (0, 2, 3, 1)[round_]
        text += [*theirs.ids[:kept].tolist(), 7]
        for drafter in drafters:
            drafter.roll_back(len(text) - 1)
            assert drafter.cache_length <= len(text) - 1
    assert isinstance(drafters[0]._cache, FixedCache)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_masked_ids_are_proposed_by_no_graph(temperature, graphs):
    """Compiled or unrolled, whatever the logits: the likeliest ids of this draft are masked."""
    model = shallow()
    ids = random_ids(9)
    likely = ModelWrapper(model).forward(ids)[0][0, -1].topk(40).indices.tolist()
    compiled = ModelWrapper(model, compile=True, masked_ids=likely)
    eager = ModelWrapper(model, masked_ids=likely)
    logits = compiled.forward(ids, compiled.new_cache(20), logits_to_keep=1)[0]
    assert torch.isneginf(logits[0, -1, likely]).all()
    proposed = []
    for draft in (compiled, eager):
        state = DraftModel(draft).start(ids[0].tolist())
        generator = torch.Generator().manual_seed(0)
        proposed += state.propose(ids[0].tolist(), 4, SamplingParams(temperature), generator).ids
    assert len(proposed) == 8 and not set(map(int, proposed)) & set(likely)
    assert any("draft_loop" in name for name in graphs)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_an_unrolled_draft_whose_logits_are_none_is_uniform_and_costs_speed_alone(temperature, graphs):
    """Whatever is no number: each on the graphs that were traced with the first."""
    target, draft = pair(True)
    prompt = random_ids(6)[0].tolist()
    plain = AutoregressiveDecoder(pair(False)[0]).generate(prompt, 20, 0.0, ignore_eos=True)
    for bad in (float("nan"), float("inf"), -float("inf")):
        with torch.no_grad():
            draft.model.lm_head.weight.fill_(bad)
        state = DraftModel(draft).start(prompt)
        proposal = state.propose(prompt, 3, SamplingParams(temperature), torch.Generator().manual_seed(0))
        assert "draft_loop" in " ".join(graphs)
        if temperature:
            uniform = torch.full_like(proposal.probs, 1 / draft.vocab_size)
            torch.testing.assert_close(proposal.probs, uniform)
        ours = SpeculativeDecoder(target, draft, 3).generate(prompt, 20, temperature, seed=3, ignore_eos=True)
        assert ours.num_tokens == 20 and target.compiled.active and draft.compiled.active
        assert temperature or ours.generated_ids == plain.generated_ids, bad


def test_each_form_of_products_has_graphs_of_its_own(graphs):
    model = shallow()
    wrapper = ModelWrapper(model, compile=True)
    wrapper.expect_widths(5)
    for form in ("plain", "transposed", "plain"):
        with forms.products_in(form):
            assert_same(wrapper, ModelWrapper(model), STEPS)
            assert wrapper.compiled.model is (model if form == "plain" else wrapper._products.model)
    assert wrapper.compiled.num_graphs == 4 == len(graphs)


@pytest.mark.skipif(not packed.can_pack(torch.float32), reason="this build of torch has no oneDNN")
def test_graphs_of_packed_products_follow_the_weights(graphs):
    model = shallow()
    wrapper = ModelWrapper(model, compile=True)
    wrapper.expect_widths(5)
    with forms.products_in("packed"):
        assert_same(wrapper, ModelWrapper(model), STEPS)
        with torch.no_grad():
            model.lm_head.weight.mul_(2)
        assert_same(wrapper, ModelWrapper(model), STEPS)
    assert wrapper.compiled.active and wrapper.compiled.num_graphs == 4 == len(graphs)
    assert len(wrapper.compiled._graphs) == 2  # of the weights as they are now


def test_a_cache_is_not_made_for_the_text_that_somebody_could_ask_for(graphs):
    wrapper = ModelWrapper(tiny_model("llama"), compile=True)
    assert wrapper.new_cache(10**11).capacity <= 2 * MOST_RESERVED
    _, cache = wrapper.forward(random_ids(5), wrapper.new_cache(10**11))
    assert cache.get_seq_length() == 5


def test_compiled_logits_of_a_target_are_looked_at(graphs):
    target = pair(True)[0]
    _, cache = target.forward(random_ids(5))
    _, cache = target.forward(random_ids(1), cache)
    with torch.no_grad():
        target.model.lm_head.weight[3, 3] = float("nan")
    with pytest.raises(UnsoundLogits, match="NaN at position 6 "):
        target.forward(random_ids(1), cache)


def test_a_penalty_is_drafted_step_by_step(graphs):
    """The unrolled graph does not take it: each distribution depends on the tokens before."""
    prompt, options = random_ids(5)[0].tolist(), {"repetition_penalty": 1.3, "ignore_eos": True, "seed": 1}
    ours, theirs = (
        SpeculativeDecoder(*pair(c), 3).generate(prompt, 20, 0.8, **options) for c in (True, False)
    )
    assert ours.generated_ids == theirs.generated_ids and "draft_loop" not in " ".join(graphs)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_last_positions_of_the_context_are_used(temperature, graphs):
    """Near the end neither padding nor a whole unrolled draft fits."""
    prompt = random_ids(CONTEXT - 9)[0].tolist()
    ours, theirs = (
        SpeculativeDecoder(*pair(c), 3).generate(prompt, 20, temperature, ignore_eos=True, seed=1)
        for c in (True, False)
    )
    assert ours.num_tokens == theirs.num_tokens == 9 and ours.finish_reason == "length"
    assert temperature > 0 or ours.generated_ids == theirs.generated_ids


HEADERS = Path(sysconfig.get_path("include"), "Python.h")
COMPILERS = (os.environ.get("CXX", ""), "g++", "clang++")


@pytest.mark.skipif(not HEADERS.is_file(), reason="Inductor needs Python's headers")
@pytest.mark.skipif(not any(map(shutil.which, filter(None, COMPILERS))), reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
def test_inductor_builds_it_for_real():
    model = tiny_model(llama_config(num_hidden_layers=1))
    wrapper, prompt = ModelWrapper(model, compile=True), random_ids(5)[0].tolist()
    with forms.products_in(
        "packed" if packed.can_pack(torch.float32) else "plain"
    ):  # an operator of our own in the graph
        first = AutoregressiveDecoder(wrapper).generate(prompt, 12, 0.0, ignore_eos=True)
        with torch._dynamo.config.patch(error_on_recompile=True):
            again = AutoregressiveDecoder(wrapper).generate(prompt, 12, 0.0, ignore_eos=True)
        eager = AutoregressiveDecoder(ModelWrapper(model)).generate(prompt, 12, 0.0, ignore_eos=True)
    assert first.generated_ids == again.generated_ids == eager.generated_ids
    assert wrapper.compiled.num_graphs == 1 and wrapper.compiled.compile_seconds > 0
