"""Where texts end: both decoders, any K, any tokenizer, at the token where a slow reading ends."""

from __future__ import annotations

import random
from functools import partial

import pytest
from tiny_tokenizers import SPECIAL, TOKENIZERS, metaspace

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.text.ids import behind, decoded

PIECES = ("▁the", "▁cat", "▁sat", "s", "at", SPECIAL, "</s>", "é", "<0xE6>", "<0xBC>", "<0xA2>", "▁", ".")


class Spoken(TableModel):
    """A table whose few ids are spoken by a tokenizer's."""

    def speak(self, tokenizer, numbers: list[int]) -> Spoken:
        self._spoken, self._numbers = tokenizer, numbers
        return self

    def decode(self, ids, skip_special_tokens=True):
        numbers = [self._numbers[i] for i in ids]
        return decoded(self._spoken, numbers, skip_special_tokens)


def spoken(name: str, seed: int, eos: tuple[int, ...], context: int | None = None) -> tuple[Spoken, Spoken]:
    tokenizer = TOKENIZERS[name]()
    own = [number for piece, number in tokenizer.get_vocab().items() if not piece.startswith("<0x")]
    numbers = (
        [tokenizer.convert_tokens_to_ids(piece) for piece in PIECES]
        if name == "metaspace"
        else sorted(own)[-9:]
    )
    numbers = [*numbers, tokenizer.convert_tokens_to_ids(SPECIAL)]
    target = Spoken.random(len(numbers), seed, eos_token_ids=eos, context_length=context).speak(
        tokenizer, numbers
    )
    return target, target.near(seed + 1, 0.3, context_length=context).speak(tokenizer, numbers)


def slow_end(decode, prompt, ids, limit, eos, stops) -> tuple[list[int], str]:
    """Token by token, the whole text each time."""
    for count in range(1, len(ids) + 1):
        text = behind(decode, prompt, ids[:count])
        if any(stop in text for stop in stops):
            return ids[:count], "stop"
        if ids[count - 1] in eos:
            return ids[:count], "eos"
        if count == limit:
            break
    return ids[:limit], "length"


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("temperature", [0.0, 1.2])
def test_all_decoders_end_where_a_slow_reading_of_the_text_ends(name, temperature):
    """FAULTS 60: end-of-text ids, several stop strings, limits, penalties, a full context; by chance."""
    rng, reasons = random.Random(f"{name}{temperature}"), []
    for draw in range(12):
        size = 14 if name == "metaspace" else 10
        eos = tuple(rng.sample(range(size), rng.randint(0, 2)))
        context = rng.choice((None, 24))
        target, draft = spoken(name, draw, eos, context)
        prompt, limit = [rng.randrange(size) for _ in range(rng.randint(1, 6))], rng.randint(0, 30)
        options = {"seed": draw, "repetition_penalty": rng.choice((None, 1.4))}
        room = limit if context is None else min(limit, context - len(prompt))
        decode = partial(target.decode, skip_special_tokens=False)
        for decoder in (
            AutoregressiveDecoder(target),
            *(SpeculativeDecoder(target, draft, k, v) for k in (1, 3, 6) for v in ("token", "block")),
        ):
            free = decoder.generate(prompt, limit, temperature, ignore_eos=True, **options).generated_ids
            assert len(free) == room
            text = behind(decode, prompt, free)
            stops = [stop for stop in (text[a : a + n] for a, n in ((2, 3), (5, 1), (9, 5))) if stop]
            stops = [stop for stop in stops if "\ufffd" not in stop][: draw % 4]
            result = decoder.generate(prompt, limit, temperature, stop_strings=stops, **options)
            expected = slow_end(decode, prompt, free, room, eos, stops)
            assert (result.generated_ids, result.finish_reason) == expected
            assert len(result.per_token_latencies) == result.num_tokens
            drafts = zip(result.accepted_per_round, result.drafted_per_round, strict=True)
            assert all(0 <= kept <= drafted for kept, drafted in drafts)
            assert result.num_accepted_draft_tokens <= result.num_tokens
            reasons.append(result.finish_reason)
    assert {"stop", "eos", "length"} <= set(reasons)


@pytest.mark.parametrize("k", [0, 1, 2, 4, 8])
def test_a_stop_string_that_is_a_special_token_stops(k):
    """FAULTS 02: it was decoded away before anybody looked for it."""
    target, draft = spoken("metaspace", 1, ())
    decoder = SpeculativeDecoder(target, draft, k) if k else AutoregressiveDecoder(target)
    for seed in range(5):
        result = decoder.generate([0, 1], 200, 1.0, stop_strings=[SPECIAL], seed=seed)
        assert result.finish_reason == "stop" and result.generated_ids[-1] in (PIECES.index(SPECIAL), 13)
        assert not {PIECES.index(SPECIAL), 13} & set(result.generated_ids[:-1])


def test_stop_strings_end_a_text_where_those_of_hugging_face_do():
    """Greedy, a tiny model, stops of every kind; the prompt ends with a full stop, so none begins there."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from specdec_lib.models.wrapper import ModelWrapper

    tokenizer = metaspace()
    tokenizer.add_tokens("abcdef")  # which theirs writes before each piece, and must find again whole
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    few = tokenizer.convert_tokens_to_ids([piece for piece in PIECES if piece != "</s>"])
    with torch.no_grad():
        bias = torch.full((len(tokenizer),), -1e4)
        bias[few] = 0.0
        model.lm_head.bias = torch.nn.Parameter(bias)
    wrapper = ModelWrapper(model, tokenizer)
    stopped = 0
    for word in ("▁the", "▁cat", "s", SPECIAL):
        prompt = tokenizer.convert_tokens_to_ids(["▁sat", word, "."])
        for stop in (SPECIAL, " cat", "s", " the", "ésat", "at", "."):
            ids = torch.tensor([prompt])
            theirs = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=20,
                do_sample=False,
                stop_strings=[stop],
                tokenizer=tokenizer,
                pad_token_id=0,
            )[0, len(prompt) :].tolist()
            for decoder in (AutoregressiveDecoder(wrapper), SpeculativeDecoder(wrapper, wrapper, k=3)):
                ours = decoder.generate(prompt, 20, 0.0, stop_strings=[stop])
                assert ours.generated_ids == theirs, (word, stop)
                stopped += ours.finish_reason == "stop"
    assert stopped > 10


def test_generated_text_keeps_the_space_that_a_decoder_strips():
    target, _ = spoken("metaspace", 3, ())
    target.encode = lambda text: [0, 1]
    text = AutoregressiveDecoder(target).generate_text("the cat", 9, 0.0)
    ids = AutoregressiveDecoder(target).generate([0, 1], 9, 0.0).generated_ids
    assert text == target.decode([0, 1, *ids])
