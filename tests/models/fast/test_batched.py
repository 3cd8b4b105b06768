"""One forward for rows of different length: each row has the logits that it has alone, in every family."""

from __future__ import annotations

import random
from functools import wraps

import pytest
import torch
from models.architectures import CONFIGS, SHARED_KV, VOCAB, llama_config, tiny_model
from transformers import BloomConfig, MambaConfig

from specdec_lib.errors import UnsoundLogits, UnsupportedCache
from specdec_lib.models.caches.ragged import RaggedCache
from specdec_lib.models.fast import batched
from specdec_lib.models.wrapper import ModelWrapper

EVERY = [*CONFIGS, *SHARED_KV]


def alone(model: ModelWrapper, text: list[int], count: int) -> torch.Tensor:
    return model.forward(torch.tensor([text]), use_cache=False)[0][0, -count:]


def fed(*feeds: list[int]) -> list[torch.Tensor]:
    return [torch.tensor(feed, dtype=torch.long) for feed in feeds]


@pytest.mark.parametrize("name", EVERY)
def test_ragged_feeds_roll_backs_and_leaving_rows(name):
    """Feeds of 0 to 9 tokens, each row cut by 0 to 3 of them, far beyond the windows; later a row leaves."""
    model, chance = ModelWrapper(tiny_model(name).double()), random.Random(0)
    rows, texts = model.new_batch(4, 8), [[], [], [], []]
    assert rows is not None
    for turn in range(12):
        widths = [chance.randint(0, 5) if turn else chance.randint(1, 9) for _ in texts]
        widths[turn % len(texts)] += 1
        feeds = [[chance.randrange(1, VOCAB) for _ in range(width)] for width in widths]
        logits = rows.forward(fed(*feeds), widths)
        texts = [text + feed for text, feed in zip(texts, feeds, strict=True)]
        for row, text, width in zip(logits, texts, widths, strict=True):
            assert row.shape == (width, VOCAB)
            if width:
                assert torch.allclose(row, alone(model, text, width), atol=1e-10)
        texts = [text[: len(text) - chance.randint(0, min(3, len(text) - 1))] for text in texts]
        rows.truncate([len(text) for text in texts])
        if turn == 8:
            rows.keep([2, 0, 3])
            texts = [texts[2], texts[0], texts[3]]
        assert rows.lengths == [len(text) for text in texts]


def masks_of(model: ModelWrapper, monkeypatch) -> list[torch.Tensor]:
    """Every mask that the model is given from now on; a text alone has none."""
    monkeypatch.setenv("SPECDEC_PRODUCTS", "plain")  # a twin with other products would not be seen
    forward, seen = model.model.forward, []

    @wraps(forward)
    def watched(*args, **kwargs):
        given = kwargs.get("attention_mask")
        if given is not None:
            seen.extend(given.values() if isinstance(given, dict) else [given])
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", watched)
    return seen


@pytest.mark.parametrize("name", EVERY)
def test_long_prompts_are_fed_in_pieces_and_are_the_texts_alone(name, monkeypatch):
    """Pieces of a few columns, some of them padding alone; then a round behind what the pieces left."""
    model, chance = ModelWrapper(tiny_model(name).double()), random.Random(1)
    rows = model.new_batch(4, 40)
    monkeypatch.setattr(batched, "MOST_MASKED", 600)
    masks, texts = masks_of(model, monkeypatch), [[], [], [], []]
    for widths, keep in (([30, 7, 1, 22], [5, 3, 1, 9]), ([4, 2, 0, 6], [4, 2, 0, 6])):
        feeds = [[chance.randrange(1, VOCAB) for _ in range(width)] for width in widths]
        logits = rows.forward(fed(*feeds), keep)
        texts = [text + feed for text, feed in zip(texts, feeds, strict=True)]
        assert len(masks) >= 2 and max(mask.numel() for mask in masks) <= 600
        masks.clear()
        for row, text, count in zip(logits, texts, keep, strict=True):
            assert len(row) == count
            if count:
                assert torch.allclose(row, alone(model, text, count), atol=1e-10)


def test_no_mask_is_larger_than_the_bound_and_none_is_cut_that_is_not(monkeypatch):
    """Of two rows of 3 000 tokens a mask was 18 million numbers."""
    model = ModelWrapper(tiny_model(llama_config(max_position_embeddings=4096)).double())
    texts = [[token % VOCAB for token in range(length)] for length in (3000, 2900)]
    rows = model.new_batch(2, 3001)
    masks = masks_of(model, monkeypatch)
    logits = rows.forward(fed(*texts), [1, 1])
    assert 1 < len(masks) < 8 and max(mask.numel() for mask in masks) <= batched.MOST_MASKED == 2**22
    rows.forward(fed([1] * 5, [1]), [5, 1])
    assert masks[-1].shape == (2, 1, 5, 3005)
    for row, text in zip(logits, texts, strict=True):
        assert torch.allclose(row, alone(model, text, 1), atol=1e-8)


def test_pieces_of_a_text_beyond_a_longropes_border_have_the_factors_of_the_whole(monkeypatch):
    factors = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    rope = {**factors, "original_max_position_embeddings": 8, "rope_theta": 1e4}
    model = ModelWrapper(tiny_model(llama_config(rope_parameters=rope)).double())
    rows, texts = model.new_batch(2), [list(range(1, 21)), list(range(1, 13))]
    monkeypatch.setattr(batched, "MOST_MASKED", 200)
    masks = masks_of(model, monkeypatch)
    logits = rows.forward(fed(*texts), [1, 1])
    assert len(masks) > 2
    for row, text in zip(logits, texts, strict=True):
        assert torch.allclose(row, alone(model, text, 1), atol=1e-10)


def test_a_buffer_grows_and_keeps_what_it_holds():
    model = ModelWrapper(tiny_model("gpt2").double())
    rows = model.new_batch(2, 4)
    assert rows.cache.memory_mb == 0
    texts = [[1, 2], [3]]
    rows.forward(fed(*texts), [1, 1])
    before = rows.cache.memory_mb
    for token in range(4, 30):
        logits = rows.forward(fed([token], [token, token]), [1, 1])
        texts = [texts[0] + [token], texts[1] + [token, token]]
    assert rows.cache.memory_mb > before > 0
    for row, text in zip(logits, texts, strict=True):
        assert torch.allclose(row, alone(model, text, 1), atol=1e-10)


def test_room_for_the_longest_text_is_allocated_once():
    """A row with one token to go, beside one that is fed seven at a time: what pads it takes no room."""
    rows = ModelWrapper(tiny_model("llama")).new_batch(2, 20)
    rows.forward(fed(list(range(1, 19)), [1]), [1, 1])
    before = rows.cache.memory_mb
    rows.forward(fed([19], [1] * 7), [1, 1])
    rows.forward(fed([20], [1] * 7), [1, 1])
    assert rows.lengths == [20, 15] and rows.cache.memory_mb == before


def test_a_row_at_the_end_of_learned_positions_may_be_padded():
    model = ModelWrapper(tiny_model("gpt2").double())
    whole = [token % VOCAB for token in range(model.context_length)]
    rows = model.new_batch(2)
    rows.forward(fed(whole[:-1], [1]), [1, 1])
    logits = rows.forward(fed(whole[-1:], [2, 3, 4, 5]), [1, 4])
    assert torch.allclose(logits[0], alone(model, whole, 1), atol=1e-10)


def test_a_model_that_cannot_be_told_positions_says_so_once(caplog, capsys):
    model = ModelWrapper(tiny_model(BloomConfig(vocab_size=VOCAB, hidden_size=32, n_layer=1, n_head=4)))
    assert model.new_batch(2) is None and model.new_batch(3) is None
    said = caplog.text + "".join(capsys.readouterr())
    assert said.count("cannot be told positions") == 1


def test_weights_that_are_no_numbers_are_told_as_a_text_alone_tells_them(caplog, capsys):
    model = ModelWrapper(tiny_model("llama"))
    with torch.no_grad():
        model.model.model.norm.weight[0] = torch.nan
    with pytest.raises(UnsoundLogits) as told:
        model.forward(torch.tensor([[1, 2, 3]]))
    assert model.new_batch(2) is None
    assert str(told.value) in caplog.text + "".join(capsys.readouterr())


def test_a_state_that_cannot_be_rolled_back_is_refused_by_name():
    config = MambaConfig(vocab_size=VOCAB, hidden_size=16, num_hidden_layers=1, state_size=4)
    model = ModelWrapper(tiny_model(config))
    with pytest.raises(UnsupportedCache, match="MambaForCausalLM"):
        model.new_batch(2)


def test_a_forward_that_answers_otherwise_is_found_out(monkeypatch):
    """A mistake: rolling back is forgotten, so that rejected tokens are seen."""
    monkeypatch.setattr(RaggedCache, "truncate", lambda self, lengths: None)
    assert ModelWrapper(tiny_model("llama")).new_batch(2) is None
