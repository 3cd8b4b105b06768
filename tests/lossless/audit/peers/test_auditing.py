"""An engine in this process, right and wrong, through the audit that other people's engines go through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from models.architectures import llama_config, tiny_model, tiny_tokenizer

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.lossless.audit.engines import Answer
from specdec_lib.lossless.audit.peers.auditing import (
    PeerEngine,
    PeerPlan,
    audit_peer,
    greedy_texts,
    num_equal_texts,
)
from specdec_lib.lossless.audit.sampled.callables import LocalEngine
from specdec_lib.models.wrapper import ModelWrapper

PLAN = PeerPlan(samples=240, num_tokens=2, texts=3, text_tokens=6, level=1e-3)


@pytest.fixture(scope="module")
def target():
    config = llama_config(vocab_size=265, max_position_embeddings=128, initializer_range=0.35)
    return ModelWrapper(tiny_model(config), tiny_tokenizer())


class Sharper:
    """Right at temperature 0, and at half the temperature above."""

    name = "sharper"

    def __init__(self, engine):
        self.engine = engine

    def answer(self, request):
        return self.engine.answer(replace(request, temperature=request.temperature / 2))


class Shortened:
    """Leaves the last token out."""

    name = "shortened"

    def __init__(self, engine):
        self.engine = engine

    def answer(self, request):
        answer = self.engine.answer(request)
        return Answer(answer.ids[:-1], "", answer.ended)


def audited(target, asked):
    plain = LocalEngine(AutoregressiveDecoder(target))
    peer = PeerEngine("ours", "1", "plain", "none", asked(plain), plain)
    return audit_peer(peer, target, "tiny", PLAN, greedy_texts(target, 3, 6))


def test_an_exact_engine_is_exact_as_far_as_seen(target):
    line = audited(target, lambda plain: plain)
    assert (line.engine, line.version, line.mode, line.pair) == ("ours", "1", "plain", "tiny")
    assert line.greedy_equal == line.greedy_texts == 3 and line.greedy_tokens == 6
    assert line.verdict == "exact as far as seen" and line.p_value > PLAN.level and line.low == 0.0
    assert (line.num_samples == 240 and line.says.startswith("LlamaForCausalLM")) or line.says


def test_a_wrong_law_is_found_though_greedy_texts_are_right(target):
    line = audited(target, Sharper)
    assert line.greedy_equal == 3 and line.verdict == "not exact" and line.p_value < PLAN.level
    assert line.num_samples < 240, "what is far off ends early"


def test_texts_that_lack_a_token_are_not_equal(target):
    texts = greedy_texts(target, 3, 6)
    plain = LocalEngine(AutoregressiveDecoder(target))
    assert all(0 < len(text.prompt) <= 64 for text in texts) and len({text.prompt for text in texts}) == 3
    assert num_equal_texts(plain, texts, 6) == 3
    assert num_equal_texts(Shortened(plain), texts, 6) == 0
