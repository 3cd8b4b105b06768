"""Which prompts of a set are run, in which words, and over which grid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from specdec_lib.bench.measure.prompts import PromptSet, choose_prompts, grid_of, prompt_set
from specdec_lib.data.prompts import DOMAINS, PromptDataset, RawPrompt
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
