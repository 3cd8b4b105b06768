"""The native forward: what the model's own code says, in every shape that is read, and one order of sums."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
import transformers
from models.architectures import CONFIGS, CONTEXT, ROUNDING, VOCAB, WINDOW, random_ids, tiny_model
from transformers import PreTrainedModel

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams, invert, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, UnsoundLogits
from specdec_lib.models.caches.fixed import Store
from specdec_lib.models.fast.native import building
from specdec_lib.models.fast.native import forward as forward_module
from specdec_lib.models.fast.native.building import NoNative, native_library
from specdec_lib.models.fast.native.forward import NativeForward
from specdec_lib.models.wrapper import ModelWrapper

_SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 36,  # no multiple of any register's width
    "intermediate_size": 50,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 10,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
MORE = {
    "odd sizes": transformers.LlamaConfig(**_SHAPE, attention_bias=True, mlp_bias=True),
    "gemma": transformers.GemmaConfig(**_SHAPE),
    "gemma2": transformers.Gemma2Config(
        **_SHAPE, sliding_window=WINDOW, final_logit_softcapping=5.0, attn_logit_softcapping=5.0
    ),
    "phi3": transformers.Phi3Config(
        **{name: value for name, value in _SHAPE.items() if name != "head_dim"} | {"hidden_size": 40}
    ),
    "llama3 rope": transformers.LlamaConfig(
        **_SHAPE,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 10000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
    ),
    "gelu": transformers.LlamaConfig(**_SHAPE, hidden_act="gelu"),
    "relu": transformers.LlamaConfig(**_SHAPE, hidden_act="relu", tie_word_embeddings=True),
}
NAMES = [*CONFIGS, *MORE]
STEPS = [(9, 1), (10, 5), (12, 3), (15, 2), (14, 5), (19, 1), (7, 4), (11, 20)]

pytestmark = pytest.mark.usefixtures("needs_compiler")


@pytest.fixture(scope="module")
def needs_compiler():
    try:
        native_library()
    except NoNative as error:
        pytest.skip(f"nothing can be built here: {error}")


def shaken_model(name: str) -> PreTrainedModel:
    """A model whose biases and norms are no zeros and ones, so that leaving one out shows."""
    model = tiny_model(MORE.get(name, name))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model


def fed(native: NativeForward, ids: torch.Tensor, cuts: list[int]) -> torch.Tensor:
    """Logits of a text that is fed in pieces."""
    store = Store(len(native._read.description.layers[: native._read.num_layers]), 64, torch.device("cpu"))
    ends = [*cuts, ids.shape[1]]
    pieces = [native(ids[:, a:b], store, a)[0] for a, b in zip([0, *cuts], ends, strict=True)]
    return torch.cat(pieces, 1)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_the_models_own_whatever_is_fed_and_rolled_back(name):
    model = shaken_model(name)
    native, eager = ModelWrapper(model, compile=True), ModelWrapper(model)
    assert native.compiled.native is not None and native.compiled.active
    caches = [one.forward(random_ids(9))[1] for one in (native, eager)]
    for number, (keep, width) in enumerate(STEPS):
        answers = []
        for index, one in enumerate((native, eager)):
            cache = one.truncate_cache(caches[index], keep)
            logits, caches[index] = one.forward(random_ids(width, seed=number), cache)
            answers.append(logits)
        torch.testing.assert_close(*answers, atol=ROUNDING, rtol=0)
    assert native.compiled.num_graphs == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_the_same_to_the_last_bit_whatever_is_fed_beside_it(name, monkeypatch):
    native, ids = NativeForward(shaken_model(name)), random_ids(41)
    one_by_one = fed(native, ids, list(range(1, 41)))
    for cuts in ([], [20], [1, 3, 6, 10, 15, 21, 28], [7, 24, 40]):
        assert torch.equal(fed(native, ids, cuts), one_by_one)
    monkeypatch.setattr(forward_module, "AT_ONCE", 7)
    assert torch.equal(fed(native, ids, []), one_by_one)


@pytest.mark.parametrize("name", ["odd sizes", "gpt2", "gemma2", "gemma3 (alternating windows)"])
def test_a_row_is_the_same_to_the_last_bit_for_any_number_of_threads(name):
    native, ids, threads = NativeForward(shaken_model(name)), random_ids(30), torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(fed(native, ids, [9, 10, 15]))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen3", "gemma"])
def test_bfloat16_weights_are_read_as_they_are_and_computed_in_float32(name):
    """As near to the float32 model of the same weights as its keys and values, in bfloat16, let it be."""
    model = shaken_model(name).to(torch.bfloat16)
    exact = copy.deepcopy(model).to(torch.float32)(random_ids(20)).logits[0]
    halves = model(random_ids(20)).logits[0].float()
    ours = fed(NativeForward(model), random_ids(20), [4, 5, 9])
    assert ours.dtype == torch.bfloat16
    scale = exact.abs().amax()
    assert (ours[0].float() - exact).abs().amax() <= 0.02 * scale
    assert (ours[0].float() - exact).abs().mean() <= (halves - exact).abs().mean()


@pytest.mark.parametrize("odd", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", [0, 40, VOCAB - 1])
def test_logits_that_are_no_numbers_are_told_and_refused(odd, place):
    model = shaken_model("llama")
    with torch.no_grad():
        model.lm_head.weight[place] = odd
    store, native = Store(2, 64, torch.device("cpu")), NativeForward(model)
    logits, is_sound = native(random_ids(4), store, 0)
    assert not is_sound and not logits[..., place].isfinite().all()
    with pytest.raises(UnsoundLogits):
        ModelWrapper(model, compile=True).forward(random_ids(4))


def test_only_the_last_logits_are_computed_where_only_they_are_asked_for():
    native, ids = NativeForward(shaken_model("llama")), random_ids(20)
    whole = fed(native, ids, [])
    for keep in (1, 3, 20, 50):
        store = Store(2, 64, torch.device("cpu"))
        kept, is_sound = native(ids, store, 0, keep)
        assert is_sound
        assert torch.equal(kept, whole[:, -min(keep, 20) :])


@pytest.mark.parametrize("name", ["llama", "gemma3 (alternating windows)"])
def test_greedy_texts_are_those_of_the_model_and_of_speculation(name):
    model, prompt = shaken_model(name), random_ids(7)[0].tolist()
    native, eager = ModelWrapper(model, compile=True), ModelWrapper(model)
    plain = AutoregressiveDecoder(eager).generate(prompt, 40, temperature=0.0).generated_ids
    draft = ModelWrapper(tiny_model("llama", seed=3), compile=True)
    assert AutoregressiveDecoder(native).generate(prompt, 40, temperature=0.0).generated_ids == plain
    ours = SpeculativeDecoder(native, draft, k=3).generate(prompt, 40, temperature=0.0)
    assert ours.generated_ids == plain


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.3])
def test_a_native_draft_is_drawn_from_the_laws_that_it_hands_on(temperature):
    """Each token is the one at which the law that is told passes the number of the generator."""
    model = ModelWrapper(shaken_model("llama"), compile=True)
    text, params = random_ids(9)[0].tolist(), SamplingParams(temperature)
    state = DraftModel(model).start(text, 40)
    proposal = state.propose(text, 5, params, torch.Generator().manual_seed(4))
    chances = torch.rand(5, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    logits = model.forward(torch.tensor([[*text, *proposal.ids.tolist()]]))[0][0, len(text) - 1 : -1]
    if temperature == 0:
        assert proposal.probs is None
        assert proposal.ids.tolist() == logits.argmax(-1).tolist()
        return
    laws = probs_from_logits(logits, params)
    torch.testing.assert_close(proposal.probs, laws, atol=1e-6, rtol=1e-4)
    assert (proposal.probs.double().sum(-1) - 1).abs().amax() < 1e-6
    drawn = [int(invert(law, chance)) for law, chance in zip(proposal.probs, chances, strict=True)]
    assert proposal.ids.tolist() == drawn
    assert state.cache_length == len(text) + 4


def test_a_native_draft_of_no_numbers_is_uniform_over_what_is_possible():
    model = shaken_model("llama")
    with torch.no_grad():
        model.lm_head.weight[5] = torch.nan
    wrapper = ModelWrapper(model)
    wrapper.compiled = None
    store, native = Store(2, 64, torch.device("cpu")), NativeForward(model)
    ids, laws = native.draft(random_ids(4), store, 0, 1.0, torch.rand(3, dtype=torch.float64))
    torch.testing.assert_close(laws, torch.full((3, VOCAB), 1 / VOCAB), atol=1e-7, rtol=0)
    assert all(0 <= token < VOCAB for token in ids.tolist())


@pytest.mark.parametrize("params", [SamplingParams(0.8, top_k=5), SamplingParams(0.8, top_p=0.6)])
def test_laws_that_are_cut_are_drawn_step_by_step(params):
    model, text = ModelWrapper(shaken_model("llama"), compile=True), random_ids(9)[0].tolist()
    eager = ModelWrapper(model.model)
    drafts = [
        DraftModel(one).start(text, 40).propose(text, 4, params, torch.Generator().manual_seed(2))
        for one in (model, eager)
    ]
    assert drafts[0].ids.tolist() == drafts[1].ids.tolist()
    torch.testing.assert_close(drafts[0].probs, drafts[1].probs, atol=1e-4, rtol=0)


def test_ids_and_positions_that_there_is_no_room_for_are_refused():
    native, store = NativeForward(shaken_model("gpt2")), Store(2, 2 * CONTEXT, torch.device("cpu"))
    for odd in ([[VOCAB]], [[-1]]):
        with pytest.raises(IndexError, match="no row in the embedding"):
            native(torch.tensor(odd), store, 0)
    with pytest.raises(IndexError, match="position lies beyond"):
        native(random_ids(2), store, CONTEXT - 1)
    rotated = NativeForward(shaken_model("llama"))
    with pytest.raises(IndexError, match="position lies beyond"):
        rotated(random_ids(2), Store(2, 16, torch.device("cpu")), 15)


def _replaced(model):
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() * 2)


def _swapped(model):
    model.model.layers[0].mlp.up_proj.weight.data = model.model.layers[0].mlp.up_proj.weight.data * -1


def _written(model):
    with torch.no_grad():
        model.model.layers[1].self_attn.v_proj.weight.mul_(3)


def _merged(model):
    model.model.layers[1].self_attn.o_proj.weight.data.mul_(-2)


@pytest.mark.parametrize("change", [_replaced, _swapped, _written, _merged])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_change_are_seen_where_the_next_text_begins(change, dtype):
    model = shaken_model("llama").to(dtype)
    native = ModelWrapper(model, compile=True)
    before = native.forward(random_ids(6))[0]
    change(model)
    after, _ = native.forward(random_ids(6))
    assert native.compiled.native is not None and not torch.equal(before, after)
    expected = model(random_ids(6)).logits
    torch.testing.assert_close(after, expected, atol=ROUNDING if dtype == torch.float32 else 0.3, rtol=0)


def test_norms_that_are_copied_are_seen_to_change():
    model = shaken_model("gemma")
    native = ModelWrapper(model, compile=True)
    native.forward(random_ids(6))
    model.model.norm.weight.data.mul_(-1)
    torch.testing.assert_close(
        native.forward(random_ids(6))[0], model(random_ids(6)).logits, atol=1e-3, rtol=0
    )


def test_a_model_that_becomes_another_goes_on_by_graphs(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    model = shaken_model("llama")
    native = ModelWrapper(model, compile=True)
    native.forward(random_ids(6))
    model.model.layers[0].register_forward_hook(lambda module, given, told: told * 2)
    logits, _ = native.forward(random_ids(6))
    assert native.compiled.native is None
    torch.testing.assert_close(logits, model(random_ids(6)).logits, atol=ROUNDING, rtol=0)


def test_a_windowed_model_that_becomes_another_is_refused():
    model = shaken_model("mistral (sliding window)")
    native = ModelWrapper(model, compile=True)
    native.forward(random_ids(6))
    model.model.layers[0].register_forward_hook(lambda module, given, told: told * 2)
    with pytest.raises(InvalidArgument, match="MistralForCausalLM was changed"):
        native.forward(random_ids(6))


def test_threads_may_share_a_native_forward():
    native = ModelWrapper(shaken_model("llama"), compile=True)
    expected = [native.forward(random_ids(12, seed=seed))[0] for seed in range(8)]
    found: dict[int, torch.Tensor] = {}

    def run(seed: int) -> None:
        for _ in range(5):
            found[seed] = native.forward(random_ids(12, seed=seed))[0]

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[seed], expected[seed]) for seed in range(8))


def test_switched_off_graphs_do_it(monkeypatch):
    monkeypatch.setenv(building.SWITCH, "0")
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    model = ModelWrapper(tiny_model("llama"), compile=True)
    assert model.compiled.native is None and model.compiled.active
