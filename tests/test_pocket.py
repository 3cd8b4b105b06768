"""What the embedded pair has to show, on prompts it has never seen.

The weights are real and so are the numbers: identical ids against Hugging Face, caches that equal a
fresh forward in float32, acceptance, size, and text that is what it is meant to be.
"""

from __future__ import annotations

import ast
import itertools

import pytest
import torch

from specdec_lib.data.prompts import DOMAINS, PromptDataset
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.models.loader import load_pair
from specdec_lib.theory.speedup import estimate_alpha
from specdec_lib.training.recipe import Recipe
from specdec_lib.utils.paths import data_path

pytestmark = pytest.mark.unchecked


@pytest.fixture(scope="module")
def pair():
    return load_pair("pocket")


@pytest.fixture(scope="module")
def prompts(pair):
    return PromptDataset.build(pair.target.tokenizer, n_per_domain=10, source="builtin")


@pytest.fixture(scope="module")
def texts(pair, prompts):
    """{domain: [continuation]}: greedy, 128 tokens, autoregressive."""
    decoder = AutoregressiveDecoder(pair.target)
    return {
        domain: [
            decoder.generate(pair.target.encode(prompt.raw_text), 128, 0.0).generated_ids
            for prompt in prompts.get_by_domain(domain)
        ]
        for domain in DOMAINS
    }


def hugging_face_ids(model, texts: list[list[int]], limit: int) -> list[list[int]]:
    """What ``generate`` writes behind each of the texts, decoded together, to its end of text."""
    longest = max(map(len, texts))
    padded = [[0] * (longest - len(text)) + text for text in texts]
    seen = [[0] * (longest - len(text)) + [1] * len(text) for text in texts]
    output = model.model.generate(
        torch.tensor(padded),
        attention_mask=torch.tensor(seen),
        max_new_tokens=limit,
        do_sample=False,
        pad_token_id=0,
    )
    return [up_to_its_end(row, model.eos_token_ids) for row in output[:, longest:].tolist()]


def up_to_its_end(row: list[int], ends: tuple[int, ...]) -> list[int]:
    """Without what fills a row up while others go on."""
    last = next((place for place, token in enumerate(row) if token in ends), len(row) - 1)
    assert not any(row[last + 1 :])
    return row[: last + 1]


def test_thirty_prompts_give_the_ids_of_hugging_face(pair, prompts, texts):
    """Temperature 0, float32, 128 tokens, end of text included, K = 1..8 in turn."""
    for domain in DOMAINS:
        asked = [pair.target.encode(prompt.raw_text) for prompt in prompts.get_by_domain(domain)]
        theirs = hugging_face_ids(pair.target, asked, 128)
        for index, (ids, expected) in enumerate(zip(asked, texts[domain], strict=True)):
            ours = SpeculativeDecoder(pair.target, pair.drafter, k=1 + index % 8).generate(ids, 128, 0.0)
            assert theirs[index] == expected == ours.generated_ids, (domain, index)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_rolled_back_caches_equal_a_fresh_forward(pair, prompts, temperature):
    target, draft = map(CheckedModel, (pair.target, pair.drafter))
    prompt = target.encode(prompts.get_by_domain("code")[0].raw_text)
    SpeculativeDecoder(target, draft, k=4).generate(prompt, 48, temperature, seed=0, ignore_eos=True)
    assert target.num_checks > 8 and draft.num_checks > 0
    for model in (target, draft):  # relative to the logits, of which the largest is about 15
        assert model.largest_difference <= 1e-5 * max(1.0, model.largest_logit)


def test_acceptance_over_the_three_domains(pair, prompts):
    """alpha of at least 0.60 at temperature 0 and K = 4, over all rounds of 30 prompts."""
    accepted = rejecting = 0
    decoder = SpeculativeDecoder(pair.target, pair.drafter, k=4)
    for prompt in prompts:
        result = decoder.generate(pair.target.encode(prompt.raw_text), 64, 0.0, ignore_eos=True)
        accepted += result.num_accepted_draft_tokens
        rejecting += sum(
            a < d for a, d in zip(result.accepted_per_round, result.drafted_per_round, strict=True)
        )
    assert estimate_alpha(accepted, rejecting) >= 0.60


def test_the_pair_is_small_and_its_draft_much_smaller(pair):
    folders = [data_path("models", f"pocket-{role}") for role in ("target", "draft")]
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    assert size <= 40e6
    assert pair.target.param_count <= 20e6
    assert pair.drafter.param_count * 5 < pair.target.param_count


def test_code_prompts_are_continued_with_python(pair, prompts, texts):
    """Of ten functions, most continue as code that parses once the cut-off last line is dropped."""
    parsed = 0
    for prompt, ids in zip(prompts.get_by_domain("code"), texts["code"], strict=True):
        lines = (prompt.raw_text + pair.target.decode(ids)).splitlines()
        parsed += any(
            parses("\n".join(lines[:end])) for end in range(len(lines), prompt.raw_text.count("\n") + 2, -1)
        )
    assert parsed >= 7


def parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def test_dialogues_are_continued_as_dialogues(pair, texts):
    answers = [pair.target.decode(ids) for ids in texts["conversation"]]
    assert sum("User:" in answer or answer.strip().endswith((".", "?", "!")) for answer in answers) >= 8
    assert all(len(answer.split("\n")[0].split()) >= 2 for answer in answers)


def test_articles_are_followed_by_prose(pair, texts):
    """Of ten articles, most: a greedy model of this size repeats itself now and then."""
    assert sum(is_prose(pair.target.decode(ids)) for ids in texts["summarization"]) >= 8


def is_prose(text: str) -> bool:
    letters = sum(character.isalpha() or character.isspace() for character in text)
    return len(text.split()) >= 5 and letters / len(text) > 0.8


@pytest.mark.parametrize("role", ["target", "draft"])
def test_the_card_says_how_the_weights_came_about(role):
    card = data_path("models", f"pocket-{role}", "README.md").read_text()
    recipe = Recipe.load(data_path("configs", "pocket.toml"))
    for said in (recipe.hash(), recipe.license, *recipe.sources, *(stage.name for stage in recipe.stages)):
        assert said in card


def test_speculation_needs_hardly_more_memory_than_weights_and_caches(pair):
    """At most 5 % beyond them at the peak, by torch's own count of what was allocated."""
    decoder = SpeculativeDecoder(pair.target, pair.draft, k=4)
    prompt, emitted = [5 + i % 900 for i in range(300)], 32
    decoder.generate(prompt, 8, 0.0, ignore_eos=True)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profiled:
        decoder.generate(prompt, emitted, 0.0, ignore_eos=True)
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    peak = max(itertools.accumulate(event.nbytes() for event in events)) / 2**20
    models = (pair.target, pair.draft)
    caches = sum(_cache_mb(model, len(prompt) + emitted) for model in models)
    needed = caches + sum(model.memory_footprint_mb for model in models)
    assert peak > caches
    assert peak - caches < 0.05 * needed


def _cache_mb(model, length: int) -> float:
    config = model.config
    width = config.num_key_value_heads * config.head_dim
    return 2 * config.num_hidden_layers * width * length * model.dtype.itemsize / 2**20
