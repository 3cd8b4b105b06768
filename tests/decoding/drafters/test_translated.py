"""A draft of another vocabulary: the target's law is kept, token by token and by text, whatever it says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from four_tokenizers import FOUR, LINES
from models.architectures import llama_config, tiny_model
from open_at_once import decoded_in_turns
from tiny_tokenizers import byte_level
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters import translated
from specdec_lib.decoding.drafters.base import Drafter, DraftState, Proposal
from specdec_lib.decoding.drafters.draft_model import as_drafter
from specdec_lib.decoding.drafters.translated import TranslatedDraft
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.evidence.chi_square import chi_square_test, deviation_caught
from specdec_lib.lossless.laws.enumeration import Law, Prefix, error_of, library_judge
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.models.text.spelling import Spelling
from specdec_lib.models.text.translation import Level, Translation
from specdec_lib.models.vocabulary import ForeignDraft
from specdec_lib.models.wrapper import ModelWrapper

GREEDY, LEVELS = SamplingParams(0.0), ("token", "text")
PAIRS = (("llama2", "llama3"), ("phi3", "llama3"), ("llama3", "gemma3"), ("gemma3", "llama2"))
PROMPT = "the cat sat on the mat, and"


class Reciter:
    """Goes on with the text that it knows, in its own tokens; lost, it says its first id."""

    eos_token_ids, device = (), torch.device("cpu")

    def __init__(self, tokenizer: PreTrainedTokenizerFast, text: str) -> None:
        self.spelling, self.vocab_size = Spelling(tokenizer), len(tokenizer)
        self.name, self.text, self.context_length = "reciter", text.encode(), None
        self.fed: list[int] = []
        self._next: dict[tuple[int, ...], int] = {}

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        past, new = past_key_values or (), tuple(input_ids[0].tolist())
        self.fed.append(len(new))
        if self.context_length is not None:
            assert len(past) + len(new) <= self.context_length
        kept = logits_to_keep or len(new)
        ends = range(len(past) + len(new) + 1 - kept, len(past) + len(new) + 1)
        logits = torch.zeros(1, kept, self.vocab_size)
        for row, end in enumerate(ends):
            logits[0, row, self._following((*past, *new)[:end])] = 9.0
        return logits, (*past, *new) if use_cache else None

    def _following(self, ids: tuple[int, ...]) -> int:
        if ids not in self._next:
            said = self.spelling.bytes.join(ids).removeprefix(self.spelling.bytes.lead)
            rest = self.text[len(said) :] if self.text.startswith(said) else b""
            self._next[ids] = next(iter(self.spelling.behind(ids, rest)), 0)
        return self._next[ids]

    def new_cache(self, max_length=0):
        return None

    def truncate_cache(self, cache, keep_length):
        assert 0 <= keep_length <= len(cache)
        return cache[:keep_length]

    def get_cache_length(self, cache):
        return 0 if cache is None else len(cache)


def recited(draft: str, target: str, level: Level, text: str = LINES, **options):
    """(decoder, prompt): both models know the same text."""
    tokenizers = FOUR[draft](), FOUR[target]()
    models_ = [Reciter(tokenizer, text) for tokenizer in tokenizers]
    foreign = ForeignDraft(models_[0], Translation(*tokenizers[::-1]), models_[1].vocab_size)
    decoder = SpeculativeDecoder(models_[1], TranslatedDraft(foreign, level, **options), k=4)
    return decoder, tokenizers[1](PROMPT)["input_ids"]


def random_pair(draft: str, target: str, seed: int = 0) -> tuple[ModelWrapper, ForeignDraft]:
    """Tiny Llamas with random weights, each with logits a little wider than its vocabulary."""
    tokenizers = FOUR[draft](), FOUR[target]()
    configs = [llama_config(vocab_size=len(one) + 5, initializer_range=0.3) for one in tokenizers]
    wrapped = [
        ModelWrapper(tiny_model(config, seed + n), tokenizer)
        for n, (config, tokenizer) in enumerate(zip(configs, tokenizers, strict=True))
    ]
    return wrapped[1], ForeignDraft(wrapped[0], Translation(*tokenizers[::-1]), wrapped[1].vocab_size)


def plainly(target, prompt: list[int], count: int, **options) -> list[int]:
    return AutoregressiveDecoder(target).generate(prompt, count, 0.0, **options).generated_ids


def drafted(foreign: ForeignDraft, level: Level, context: list[int], k: int, params=GREEDY) -> Proposal:
    """What a new text has proposed."""
    return TranslatedDraft(foreign, level).start([]).propose(context, k, params, torch.Generator())


# -- what is drafted -------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_draft_that_knows_the_text_has_most_of_it_accepted(pair, level):
    """Over spaces, digits, newlines, code and characters of several bytes."""
    decoder, prompt = recited(*pair, level)
    bytes_of = decoder.target.spelling.bytes
    count = len(decoder.target.spelling.spell(LINES.encode())) - len(prompt)
    result = decoder.generate(prompt, count, 0.0)
    assert bytes_of.join([*prompt, *result.generated_ids]).endswith("Café. 我们在这里看书。".encode())
    assert result.generated_ids == plainly(decoder.target, prompt, count)
    accepted, proposed = sum(result.accepted_per_round), sum(result.drafted_per_round)
    assert accepted / proposed > (0.85 if level == "text" else 0.4)
    assert len(result.accepted_per_round) < count / (3 if level == "text" else 1.5)


@pytest.mark.parametrize("pair", PAIRS)
def test_only_what_is_new_is_fed_to_the_draft(pair):
    """After the prompt a round feeds what the text and what was drafted do not share, and no more."""
    decoder, prompt = recited(*pair, "text")
    decoder.generate(prompt, 60, 0.0)
    draft = decoder.drafter.model
    assert sum(draft.fed) < 2 * len(draft.spelling.spell(LINES.encode()))
    assert max(draft.fed[1:]) <= 8


def test_special_tokens_of_the_prompt_are_nothing_to_the_draft_or_its_own_of_that_name():
    target, foreign = random_pair("llama2", "llama3")
    state = TranslatedDraft(foreign).start([])
    turn = target.tokenizer.convert_tokens_to_ids("<|eot_id|>")
    state.propose([turn, *target.encode("the cat"), turn], 2, GREEDY, torch.Generator())
    assert state._text.ids == foreign.model.encode("the cat")
    same = random_pair("llama2", "phi3")[1]
    state = TranslatedDraft(same).start([])
    phi = FOUR["phi3"]()("the cat")["input_ids"]
    state.propose(phi, 1, GREEDY, torch.Generator())
    assert state._text.ids == same.model.encode("the cat")


def test_nothing_is_proposed_where_the_draft_can_read_nothing():
    """No text, and a tokenizer that puts nothing in front of one."""
    tokenizer = byte_level()
    foreign = ForeignDraft(Reciter(tokenizer, "x"), Translation(FOUR["gemma3"](), tokenizer), 900)
    for level in LEVELS:
        made = drafted(foreign, level, [1], 3, SamplingParams(1.0))
        assert made.ids.tolist() == [] and made.probs.shape == (0, 900)


def test_a_draft_that_ends_inside_a_character_waits_for_its_end():
    """Llama-2's rules have no ids for these characters: three draft tokens make one."""
    text = "ab \u4f60\u597d \U0001f600!"
    tokenizers = FOUR["llama2"](), FOUR["llama3"]()
    draft = Reciter(tokenizers[0], text)
    drafter = TranslatedDraft(ForeignDraft(draft, Translation(*tokenizers[::-1]), 2000), "text")
    context = tokenizers[1]("ab ")["input_ids"]
    state, rest = drafter.start([]), text.encode()[3:]
    assert not len(state.propose(context, 1, GREEDY, torch.Generator()).ids)
    assert len(draft.fed) == 2  # and of the three bytes it had said two
    assert len(state.propose(context, 4, GREEDY, torch.Generator()).ids) > 1
    for end in range(len(rest) + 1):
        whole = rest[:end].decode(errors="ignore").encode()
        assert drafter.translation.target.bytes.join(state._spelt(context, rest[:end], ended=True)) == whole


def test_a_text_that_stands_inside_a_character_goes_on_with_it():
    tokenizers = FOUR["llama2"](), FOUR["llama3"]()
    text = "ab \u4f60!"
    draft = Reciter(tokenizers[0], text)
    translation = Translation(*tokenizers[::-1])
    context = translation.target.spell("ab \u4f60".encode())
    assert len(context) > 4  # its bytes are tokens of their own
    for level in LEVELS:
        state = TranslatedDraft(ForeignDraft(draft, translation, 2000), level).start([])
        made = state.propose(context[:-1], 2, GREEDY, torch.Generator())
        assert translation.target.bytes.join(made.ids.tolist())[:1] == "\u4f60".encode()[-1:]


def test_a_last_token_that_may_go_on_is_dropped_and_one_that_may_not_is_kept():
    tokenizers = FOUR["llama2"](), FOUR["llama3"]()
    foreign = ForeignDraft(Reciter(tokenizers[0], LINES), Translation(*tokenizers[::-1]), 2000)
    foreign.translation.unfinished = frozenset()
    context = tokenizers[1](PROMPT)["input_ids"]
    kept = drafted(foreign, "text", context, 3).ids.tolist()
    assert len(kept) == 3 and len(foreign.model.fed) == 3
    foreign.translation.unfinished = frozenset(foreign.translation.target.bytes.ids.values())
    assert drafted(foreign, "text", context, 3).ids.tolist() == kept
    assert len(foreign.model.fed) == 3 + 4  # one token more, behind which the third is settled


def test_an_end_that_the_draft_says_ends_the_draft_by_text():
    tokenizers = FOUR["llama2"](), FOUR["llama3"]()
    draft = Reciter(tokenizers[0], "the cat sat")
    draft._following = lambda ids, known=draft._following: known(ids) or 2  # </s>
    drafter = TranslatedDraft(ForeignDraft(draft, Translation(*tokenizers[::-1]), 2000), "text")
    context = tokenizers[1]("the cat")["input_ids"]
    ids = drafter.start([]).propose(context, 8, GREEDY, torch.Generator()).ids.tolist()
    assert drafter.translation.target.bytes.join(ids) == b" sat"


@pytest.mark.parametrize("level", LEVELS)
def test_where_the_drafts_context_is_full_it_proposes_what_fits_and_then_nothing(level):
    decoder, prompt = recited("llama2", "llama3", level)
    draft = decoder.drafter.model
    draft.context_length = len(draft.spelling.spell(PROMPT.encode())) + 12
    result = decoder.generate(prompt, 60, 0.0)
    assert (
        result.generated_ids == AutoregressiveDecoder(decoder.target).generate(prompt, 60, 0.0).generated_ids
    )
    assert result.num_plain_rounds > 20 and sum(result.accepted_per_round) > 4


def test_ids_without_a_column_of_the_target_are_never_proposed():
    """A tokenizer may know more than its model: here the model has the letters alone."""
    tokenizers = FOUR["llama2"](), FOUR["llama3"]()
    foreign = ForeignDraft(Reciter(tokenizers[0], LINES), Translation(*tokenizers[::-1]), 256)
    context = tokenizers[1]("th", add_special_tokens=False)["input_ids"]
    for level, params in itertools.product(LEVELS, (GREEDY, SamplingParams(1.0))):
        made = drafted(foreign, level, context, 4, params)
        assert (made.ids < 256).all()
        assert made.probs is None or made.probs.shape[1] == 256


# -- the loop --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("level", LEVELS)
def test_greedy_ids_are_those_of_plain_decoding(pair, level):
    target, foreign = random_pair(*pair)
    decoder = SpeculativeDecoder(target, TranslatedDraft(foreign, level), k=3)
    for prompt in (PROMPT, "a", " return 1234\n\n"):
        ids = target.encode(prompt)
        plain = AutoregressiveDecoder(target).generate(ids, 24, 0.0, ignore_eos=True)
        result = decoder.generate(ids, 24, 0.0, ignore_eos=True)
        assert result.generated_ids == plain.generated_ids
        assert sum(result.drafted_per_round) > 0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_texts_that_are_open_at_once_decode_what_each_decodes_alone(level, temperature):
    target, foreign = random_pair("llama2", "llama3")
    decoder = SpeculativeDecoder(target, TranslatedDraft(foreign, level, sampled=True), k=3)
    prompts = [target.encode(text) for text in (PROMPT, "Später aß", "In 2024")]
    options = {"temperature": temperature, "seed": 5, "ignore_eos": True}
    alone = [decoder.generate(prompt, 16, **options) for prompt in prompts]
    for found, lone in zip(decoded_in_turns(decoder, prompts, 16, **options), alone, strict=True):
        assert found.generated_ids == lone.generated_ids
        assert found.accepted_per_round == lone.accepted_per_round


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kept", range(5))
def test_after_each_count_of_accepted_tokens_it_drafts_as_a_new_text_does(pair, level, kept):
    """Whatever the cache held: of four draft tokens none to all stay, and another one follows."""
    target, foreign = random_pair(*pair)
    drafter, params = TranslatedDraft(foreign, level), SamplingParams(0.0)
    prompt = target.encode(PROMPT)
    state = drafter.start(prompt, 60)
    for token in (7, 40, 300):
        drafted = state.propose(prompt, 4, params, torch.Generator()).ids.tolist()
        prompt = [*prompt, *drafted[:kept], token]
        state.roll_back(len(prompt) - 1)
        again = state.propose(prompt, 4, params, torch.Generator()).ids.tolist()
        fresh = drafter.start(prompt, 60)
        fresh._text._follow(prompt)
        fresh._text.ids = list(state._text.ids)  # a text may have been cut otherwise as it grew
        assert again == fresh.propose(prompt, 4, params, torch.Generator()).ids.tolist()


@pytest.mark.parametrize("level", LEVELS)
def test_a_repetition_penalty_and_an_end_of_the_context_change_nothing_of_this(level):
    target, foreign = random_pair("gemma3", "llama3")
    target.model.config.max_position_embeddings = 40
    target = ModelWrapper(target.model, target.tokenizer)
    assert target.context_length == 40
    decoder = SpeculativeDecoder(target, TranslatedDraft(foreign, level), k=4)
    prompt = target.encode(PROMPT)
    options = {"temperature": 0.0, "repetition_penalty": 1.3, "ignore_eos": True}
    plain = AutoregressiveDecoder(target).generate(prompt, 100, **options)
    result = decoder.generate(prompt, 100, **options)
    assert result.generated_ids == plain.generated_ids and len(prompt) + result.num_tokens == 40


def test_a_foreign_draft_becomes_a_drafter_of_the_way_that_is_expected_to_be_better():
    target, foreign = random_pair("llama2", "llama3")
    drafter = as_drafter(foreign)
    assert isinstance(drafter, TranslatedDraft) and isinstance(drafter, Drafter)
    assert isinstance(drafter.start([]), DraftState)
    assert [drafter.level(greedy) for greedy in (True, False)] == ["text", "token"]
    made = drafter.start([]).propose(target.encode(PROMPT), 2, SamplingParams(1.0), torch.Generator())
    assert (made.probs > 0).sum(-1).min() > 100  # a law, where by text it would be certain
    assert SpeculativeDecoder(target, foreign).drafter.name == foreign.model.name


# -- the law ---------------------------------------------------------------------------------------


def tiny(vocabulary: Sequence[str], merges: Sequence[tuple[str, str]]) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of a few words over a few letters."""
    words = {word: number for number, word in enumerate(vocabulary)}
    made = Tokenizer(models.BPE(words, list(merges)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made)


TARGET_WORDS, DRAFT_WORDS = ("a", "b", "ab", "ba"), ("c", "ba", "b", "aa", "a")
VERIFIERS = pytest.mark.parametrize("verifier", ["token", "block"])


def small(level: Level, **options) -> tuple[TableModel, TranslatedDraft]:
    """Table models over four and five words; two words of the draft's are none of the target's."""
    tokenizers = (
        tiny(TARGET_WORDS, [("a", "b"), ("b", "a")]),
        tiny(DRAFT_WORDS, [("b", "a"), ("a", "a")]),
    )
    translation = Translation(*tokenizers)
    assert translation.num_shared == 3
    draft = TableModel.random(len(DRAFT_WORDS), seed=2)
    return TableModel.random(len(TARGET_WORDS), seed=1), TranslatedDraft(
        ForeignDraft(draft, translation, len(TARGET_WORDS)), level, **options
    )


class Replayed:
    """Every draft of a drafter that draws, with its laws and its probability: each branch is taken once."""

    def __init__(self, drafter: TranslatedDraft, prompt: list[int], monkeypatch) -> None:
        self.drafter, self.prompt, self.monkeypatch = drafter, prompt, monkeypatch

    def listed(self, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], float]]:
        if k == 0:
            yield (), [], 1.0
            return
        waiting: list[list[int]] = [[]]
        while waiting:
            script, made, chance = waiting.pop(), None, 1.0
            taken: list[int] = []

            def drawn(probs, generator, script=script, taken=taken):
                possible = probs.nonzero()[:, 0].tolist()
                place = len(taken)
                if place == len(script):
                    waiting.extend([*script, other] for other in possible[1:])
                    script.append(possible[0])
                taken.append(script[place])
                drawn.chance *= float(probs[script[place]])
                return torch.tensor(script[place])

            drawn.chance = 1.0
            with self.monkeypatch.context() as patch:
                patch.setattr(translated, "draw", drawn)
                made = self.ask(prefix, k)
            chance = drawn.chance
            laws = made.probs.double()
            yield tuple(made.ids.tolist()), (laws / laws.sum(-1, keepdim=True)).tolist(), chance

    def ask(self, prefix: Prefix, k: int) -> Proposal:
        state = self.drafter.start(self.prompt)
        return state.propose([*self.prompt, *prefix], k, SamplingParams(0.8), torch.Generator())


@VERIFIERS
@pytest.mark.parametrize(
    ("level", "options"),
    [("token", {}), ("text", {}), ("text", {"sampled": True})],
    ids=["token", "text", "drawn"],
)
def test_the_exact_law_is_the_targets(level, options, verifier, monkeypatch):
    """Summed over every draw of the draft, every verdict and every token that follows, in float64."""
    target, drafter = small(level, **options)
    prompt = [0, 2]

    def law(prefix: Prefix) -> Law:
        ids = torch.tensor([[*prompt, *prefix]])
        row = probs_from_logits(target.forward(ids, logits_to_keep=1)[0][0, -1], SamplingParams(0.8)).double()
        return (row / row.sum()).tolist()

    replayed = Replayed(drafter, prompt, monkeypatch)
    drafts = list(replayed.listed((), 2))
    assert sum(chance for *_, chance in drafts) == pytest.approx(1, abs=1e-6)
    assert (
        len(drafts) > (1 if options or level == "token" else 0) and max(len(ids) for ids, *_ in drafts) == 2
    )
    error, outcomes = error_of(law, replayed, 3, 2, library_judge(verifier))
    assert outcomes == 64 and error < 1e-6  # the draft's chances are float32's


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("level", "options"), [("token", {}), ("text", {"sampled": True})], ids=["token", "drawn"]
)
def test_samples_have_the_targets_joint_law(level, options):
    target, drafter = small(level, **options)
    decoder, prompt, count = SpeculativeDecoder(target, drafter, k=2), [0, 2], 1200
    warped = probs_from_logits(target.logits, SamplingParams(0.8)).double().numpy()
    law = TableModel(warped).law(prompt, 3)
    counts, accepted = np.zeros(64), 0
    for seed in range(count):
        result = decoder.generate(prompt, 3, 0.8, seed=seed)
        first, second, third = result.generated_ids
        counts[16 * first + 4 * second + third] += 1
        accepted += sum(result.accepted_per_round)
    assert chi_square_test(counts, law / law.sum()).p_value > 1e-4
    assert deviation_caught(count, 64, 1e-4) < 0.2 and accepted > count / 4


def test_a_law_that_is_not_translated_is_seen(monkeypatch):
    """The same sum rejects a draft whose q still holds what the target cannot say: the test can fail."""
    target, drafter = small("token")
    law = drafter.vocabulary.law
    monkeypatch.setattr(drafter.vocabulary, "law", lambda probs: law(probs).roll(1))
    replayed = Replayed(drafter, [0, 2], monkeypatch)
    shown = {ids: laws for ids, laws, _ in replayed.listed((), 1)}
    assert len(shown) == 3

    def wrong(prefix: Prefix, k: int):
        for ids, laws, chance in replayed.listed(prefix, k):
            yield ids, [list(np.roll(one, -1)) for one in laws], chance

    class Wrong:
        listed = staticmethod(wrong)

    def p(prefix: Prefix) -> Law:
        row = probs_from_logits(
            target.forward(torch.tensor([[0, 2, *prefix]]), logits_to_keep=1)[0][0, -1], SamplingParams(0.8)
        ).double()
        return (row / row.sum()).tolist()

    error, _ = error_of(p, Wrong(), 2, 1, library_judge("token"))
    assert error > 0.01


@pytest.mark.unchecked
@pytest.mark.parametrize(("pair", "level"), [(PAIRS[0], None), (PAIRS[0], "text"), (PAIRS[2], "token")])
def test_the_proof_over_two_vocabularies_finds_it_exact(pair, level):
    target, foreign = random_pair(*pair)
    draft = foreign if level is None else TranslatedDraft(foreign, level)
    prompts = [target.encode(text) for text in (PROMPT, "a", "In 2024", "for cat in", "Später", "def add(")]
    found = list(PairProof(target, draft, prompts, ProofPlan(k=3, num_samples=200, num_tokens=16)).run())
    assert not [check for check in found if check.rejected]
    passed = {check.test for check in found if check.passed}
    assert {"exact, tables", "one position", "caches", "greedy identity", "endings", "joint law"} <= passed
