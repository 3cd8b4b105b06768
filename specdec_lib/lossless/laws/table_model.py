"""A language model that is a table: exact laws, no weights, thousands of generations a second.

The next-token distribution depends on the last two tokens of the prefix, through probabilities drawn
once from a seed. It is a :class:`~specdec_lib.models.base.CausalModel`, and reads and writes letters; its
cache is the tuple of ids seen so far, so that a test can say what should be in it.
"""

from __future__ import annotations

import itertools
import string
from collections import deque

import numpy as np
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.text.ids import Tokenized


class TableModel(Tokenized):
    """``rows[a, b]`` is the distribution after ``… a b`` (a = 0 where the prefix has one token).

    ``offset`` is added to every logit, which changes no distribution.
    """

    def __init__(
        self, rows: np.ndarray, *, eos_token_ids=(), context_length=None, name="table", offset=0.0
    ) -> None:
        self.rows = np.asarray(rows, dtype=np.float64)
        self.logits = (torch.tensor(self.rows).log() + offset).float()
        self._row_of = [list(rows) for rows in self.logits]
        self.tokenizer = None
        self.name = name
        self.vocab_size = self.rows.shape[-1]
        self.eos_token_ids = tuple(eos_token_ids)
        self.context_length = context_length
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.forwards: deque[tuple[int, int]] = deque(maxlen=1000)
        """(tokens in the cache before, tokens fed) of the last forwards."""

    @classmethod
    def random(cls, vocab: int, seed: int, concentration: float = 1.0, **options) -> TableModel:
        rng = np.random.default_rng(seed)
        return cls(rng.dirichlet(np.full(vocab, concentration), size=(vocab, vocab)), **options)

    def near(self, seed: int, weight: float, **options) -> TableModel:
        """A model whose rows are a mixture of this one's and random ones: a draft of chosen quality."""
        rng = np.random.default_rng(seed)
        noise = rng.dirichlet(np.ones(self.vocab_size), size=self.rows.shape[:2])
        return type(self)((1 - weight) * self.rows + weight * noise, **options)

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        past = past_key_values or ()
        new = input_ids[0].tolist()
        self.forwards.append((len(past), len(new)))
        if self.context_length is not None and len(past) + len(new) > self.context_length:
            raise InvalidArgument(
                f"forward: {len(past) + len(new)} tokens, {self.name} sees {self.context_length}; shorten it"
            )
        ids = (0, *past, *new)
        kept = min(logits_to_keep or len(new), len(new))
        rows = [self._row_of[ids[end - 2]][ids[end - 1]] for end in range(len(ids) + 1 - kept, len(ids) + 1)]
        return torch.stack(rows)[None], ids[1:] if use_cache else None

    def new_cache(self, max_length=0):
        return None

    def truncate_cache(self, cache, keep_length):
        assert 0 <= keep_length <= len(cache), f"keep {keep_length} of {len(cache)}"
        return cache[:keep_length]

    def get_cache_length(self, cache):
        return 0 if cache is None else len(cache)

    def decode(self, ids, skip_special_tokens=True):
        return "".join(string.ascii_letters[i] for i in ids)

    def encode(self, text):
        return [string.ascii_letters.index(letter) for letter in text]

    def law(self, prompt: list[int], length: int) -> np.ndarray:
        """The exact joint law of the next ``length`` tokens, ``float64[vocab ** length]`` in C order."""
        law = np.zeros((self.vocab_size,) * length)
        for ids in itertools.product(range(self.vocab_size), repeat=length):
            text, probability = [0, *prompt], 1.0
            for token in ids:
                probability *= self.rows[text[-2], text[-1], token]
                text.append(token)
            law[ids] = probability
        return law.ravel()
