"""Which prompts of a set are run, in which words, and over which grid."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import tiny_tokenizers
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.peers.comparison import peer_prompts
from specdec_lib.bench.measure.prompts import PromptSet, choose_prompts, grid_of, prompt_set
from specdec_lib.bench.records.identity import require_identical
from specdec_lib.data.prompts import DOMAINS, PromptDataset, RawPrompt
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper


class CharacterModel(ModelWrapper):
    """A token a character, a context of twenty, and a chat template of one letter."""

    context_length = 20  # type: ignore[assignment]

    def __init__(self) -> None:
        pass

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def encode_chat(self, messages: list | str) -> list[int]:
        texts = [messages] if isinstance(messages, str) else [message["content"] for message in messages]
        return [0, *self.encode("|".join(texts))]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    rows = [{"prompt": "a" * n, "domain": "long"} for n in (5, 30, 8)] + [{"prompt": "hello"}]
    rows += [{"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}]}]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_file_gives_the_domains_and_all_its_prompts(mine: Path, capsys) -> None:
    texts = prompt_set(mine)
    grid = grid_of(texts, max_new_tokens=10, k_values=(2,), temperatures=(0.0,), repeats=1)
    assert grid.domains == ("long", "mine") and grid.num_prompts == {"long": 3, "mine": 2}
    assert grid.num_runs == 5 * 2 and len(list(grid.blocks())) == 5
    chosen = choose_prompts(grid, CharacterModel(), texts)
    assert [p.prompt_id for p in chosen["long"]] == ["long_000", "long_002"]
    assert [p.ids for p in chosen["mine"]] == [[ord(c) for c in "hello"], [0, ord("x"), ord("|"), ord("y")]]
    assert (
        "1 of 3 prompts of long leave no room for 10 new tokens and are left out" in capsys.readouterr().err
    )
    ids = chosen.description.pop("ids")
    assert chosen.description == texts.describe() and texts.describe()["source"] == "mine.jsonl"
    assert set(ids) == set(texts.domains) and len(set(ids.values())) == len(ids)


def test_a_limit_and_a_choice_of_domains(mine: Path) -> None:
    texts = prompt_set(mine)
    assert grid_of(texts, 2).num_prompts == {"long": 2, "mine": 2}
    grid = grid_of(texts, 1, domains=["mine"], max_new_tokens=5)
    assert grid.num_prompts == {"mine": 1} and len(choose_prompts(grid, CharacterModel(), texts)["mine"]) == 1
    with pytest.raises(InvalidArgument, match=r"mine\.jsonl has no domain 'code'; it has long, mine"):
        grid_of(texts, domains=["code"])
    with pytest.raises(InvalidArgument, match="num_prompts holds 0"):
        grid_of(texts, 0)


def test_where_no_prompt_leaves_room_the_domain_is_named(mine: Path) -> None:
    texts = prompt_set(mine)
    with pytest.raises(InvalidArgument, match="long has 0 prompts with room for 16 new tokens in a context"):
        choose_prompts(grid_of(texts, max_new_tokens=16), CharacterModel(), texts)


def test_with_chat_a_text_is_a_users_turn(mine: Path) -> None:
    texts = prompt_set(mine, chat=True)
    grid = grid_of(texts, domains=["mine"], max_new_tokens=5)
    assert choose_prompts(grid, CharacterModel(), texts)["mine"][0].ids[0] == 0
    assert texts.describe() != prompt_set(mine).describe()


def test_without_a_file_it_is_the_projects_prompts() -> None:
    texts = prompt_set()
    grid = grid_of(texts, 2, domains=["code"])
    assert grid_of(texts).domains == DOMAINS and grid_of(texts).num_prompts == 6
    model = CharacterModel()
    model.context_length = None
    dataset = PromptDataset.build(model, source="builtin")
    assert choose_prompts(grid, model, texts) == choose_prompts(grid, model, dataset)
    with pytest.raises(InvalidArgument, match="'poetry'; choose from code"):
        grid_of(texts, domains=["poetry"])


def test_a_domain_whose_name_holds_a_comma_can_be_chosen():
    names = ("code,x", "code", "reasons, good", "x", "all, of it, here")
    texts = PromptSet(tuple(RawPrompt(str(i), name, "text") for i, name in enumerate(names)), is_own=True)
    assert texts.named("code,x") == ["code,x"]
    assert texts.named("code, reasons, good,x") == ["code", "reasons, good", "x"]
    assert texts.named("x,code") == ["x", "code"]
    assert texts.named("all, of it, here,nobody, at all") == ["all, of it, here", "nobody", "at all"]


def test_a_file_of_many_domains_does_not_list_them_all():
    texts = PromptSet(tuple(RawPrompt(str(i), f"domain {i}", "text") for i in range(90)), "many", is_own=True)
    with pytest.raises(
        InvalidArgument, match=r"has no domain 'domain 90'; it has 90, such as domain "
    ) as caught:
        texts.get_by_domain("domain 90")
    assert len(str(caught.value)) < 200


def test_more_than_there_are_is_refused_before_a_model_is_loaded():
    assert grid_of(prompt_set(), 50).num_prompts == 50
    with pytest.raises(InvalidArgument, match="code has 50 built-in prompts, 51 are asked for"):
        grid_of(prompt_set(), 51)


# -- many turns ------------------------------------------------------------------------------------

TEMPLATE = (
    "{% for turn in messages %}<s>{{ turn.role[0] }}:{{ turn.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>a:{% endif %}"
)


def chat_model(seed: int = 0, context: int = 160, template: str | None = TEMPLATE) -> ModelWrapper:
    """A Llama with random weights, over a byte-level tokenizer with a chat template."""
    tokenizer = tiny_tokenizers.byte_level()
    tokenizer.chat_template = template
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=context,
        initializer_range=0.5,
        eos_token_id=tokenizer.eos_token_id,
    )
    return ModelWrapper(LlamaForCausalLM(config), tokenizer)


ROWS = [
    {"question_id": 1, "category": "writing", "turns": ["Name a bird.", "Another.", "One more."]},
    {"question_id": 2, "category": "writing", "turns": ["Name a fish."]},
    {"question_id": 3, "category": "qa", "turns": ["Do owls fly?"]},
]


@pytest.fixture
def question_file(tmp_path: Path) -> Path:
    path = tmp_path / "question.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def chosen_of(path: Path, target: ModelWrapper, limit: int | None = None, **axes):
    texts, lines = prompt_set(path), []
    axes = {"max_new_tokens": 6, "k_values": (2,), "temperatures": (0.0,), "repeats": 1} | axes
    grid = grid_of(texts, limit, **axes)
    return grid, choose_prompts(grid, target, texts, lines.append), lines


def test_each_turn_is_a_prompt_behind_the_targets_own_greedy_answers(question_file: Path) -> None:
    target = chat_model()
    grid, chosen, lines = chosen_of(question_file, target)
    assert [p.prompt_id for p in chosen["writing"]] == ["1/turn1", "1/turn2", "1/turn3", "2"]
    assert [p.prompt_id for p in chosen["qa"]] == ["3"]
    assert grid.num_prompts == {"writing": 2, "qa": 1} and grid.over(chosen).num_prompts == {
        "writing": 4, "qa": 1,
    }  # fmt: skip
    assert lines == ["the target answers 2 turns of writing, untimed"]
    messages: list[dict[str, str]] = []
    for asked, prompt in zip(ROWS[0]["turns"], chosen["writing"][:3], strict=True):
        messages.append({"role": "user", "content": asked})
        assert prompt.ids == target.encode_chat(messages)
        result = AutoregressiveDecoder(target).generate(prompt.ids, 6, 0.0)
        answer = target.continuation(prompt.ids, result.generated_ids)
        messages.append({"role": "assistant", "content": answer})
    assert len({message["content"] for message in messages}) == 6  # the answers are others, and not empty


def test_an_answer_ends_at_an_end_of_text(question_file: Path) -> None:
    """The end itself is the template's to write."""
    target = chat_model()
    written = AutoregressiveDecoder(target).generate(
        target.encode_chat(ROWS[0]["turns"][0]), 6, 0.0, ignore_eos=True
    )
    third = written.generated_ids[2]
    assert third not in written.generated_ids[:2]
    target.eos_token_ids = (third,)
    _, chosen, _ = chosen_of(question_file, target)
    answer = target.decode(written.generated_ids[:2])
    asked = [{"role": "user", "content": "Name a bird."}, {"role": "assistant", "content": answer}]
    assert chosen["writing"][1].ids == target.encode_chat([*asked, {"role": "user", "content": "Another."}])


def test_what_was_answered_is_a_part_of_what_was_asked(question_file: Path) -> None:
    ids = [
        chosen_of(question_file, target, **axes)[1].description["ids"]
        for target, axes in (
            *[(chat_model(), {})] * 2,
            (chat_model(1), {}),
            (chat_model(), {"max_new_tokens": 7}),
        )
    ]
    assert ids[0] == ids[1]
    assert len({each["writing"] for each in ids}) == 3 and len({each["qa"] for each in ids}) == 1


def test_a_limit_counts_rows(question_file: Path) -> None:
    grid, chosen, _ = chosen_of(question_file, chat_model(), 1)
    assert grid.num_prompts == {"writing": 1, "qa": 1}
    assert [p.prompt_id for p in chosen["writing"]] == ["1/turn1", "1/turn2", "1/turn3"]


def test_a_turn_without_room_is_left_out_and_those_behind_it(question_file: Path, capsys) -> None:
    lengths = [len(p.ids) for p in chosen_of(question_file, chat_model())[1]["writing"]]
    capsys.readouterr()
    for context, turns in ((lengths[1] + 6, 2), (lengths[1] + 5, 1)):
        _, chosen, _ = chosen_of(question_file, chat_model(context=context))
        assert [p.prompt_id for p in chosen["writing"]][:-1] == [f"1/turn{n + 1}" for n in range(turns)]
        said = f"{3 - turns} of 2 later turns of writing leave no room for 6 new tokens and are left out"
        assert said in capsys.readouterr().err


def test_peers_have_the_same_answers_and_more_room(question_file: Path, capsys) -> None:
    texts, target = prompt_set(question_file), chat_model(context=320)
    grid, chosen, _ = chosen_of(question_file, target)
    assert peer_prompts(grid, target, texts) == chosen
    capsys.readouterr()
    fewer = peer_prompts(grid, chat_model(context=len(chosen["writing"][2].ids) + 6), texts)
    assert len(fewer["writing"]) < len(chosen["writing"]) and "leave no room" in capsys.readouterr().err


def test_a_session_goes_on_with_the_same_answers_and_refuses_others(question_file: Path, tmp_path) -> None:
    target, path = chat_model(), tmp_path / "runs.jsonl"
    draft = ModelWrapper(copy.deepcopy(target.model), target.tokenizer)
    grid, chosen, _ = chosen_of(question_file, target)
    lines: list[str] = []
    runs = Benchmark(grid, target, draft, chosen, path, lines.append).measure()
    assert require_identical(runs) == 5 and len(runs) == 10
    assert {run.prompt_id for run in runs} == {"1/turn1", "1/turn2", "1/turn3", "2", "3"}
    again = chosen_of(question_file, target)[1]
    assert Benchmark(grid, target, draft, again, path, lines.append, resume=True).num_left == 0
    other = chosen_of(question_file, chat_model(1))[1]
    with pytest.raises(InvalidArgument, match="ran other prompts"):
        Benchmark(grid, target, draft, other, path, lines.append, resume=True)
    rows = [ROWS[0] | {"turns": [*ROWS[0]["turns"][:2], "Two more."]}, *ROWS[1:]]
    question_file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InvalidArgument, match="ran other prompts"):
        changed = chosen_of(question_file, target)[1]
        Benchmark(grid, target, draft, changed, path, lines.append, resume=True)


def test_turns_need_a_template_that_takes_them(question_file: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"question\.jsonl:1: the tokenizer has no chat template"):
        chosen_of(question_file, chat_model(template=None))
    refuses = "{% if messages | length > 2 %}{{ raise_exception('one turn') }}{% endif %}" + TEMPLATE
    with pytest.raises(InvalidArgument, match=r"question\.jsonl:1: the template refuses .*one turn"):
        chosen_of(question_file, chat_model(template=refuses))
