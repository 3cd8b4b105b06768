"""Cells are the product of the axes, each the parameters of one notebook, refused before anything runs."""

from __future__ import annotations

import json

import pytest

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
from specdec_lib.bench.notebook.parameters import notebook_parameters
from specdec_lib.bench.sweep.cells import cells_of, varying_axes
from specdec_lib.bench.sweep.config import config_of
from specdec_lib.bench.sweep.identity import key_of, library_hash, made_of, notebook_hash
from specdec_lib.errors import InvalidArgument, SpecDecError


def cells(**settings):
    return cells_of(config_of({"pairs": ["pocket"], **settings}))


def test_every_place_of_the_grid_is_one_cell_and_repeats_come_outermost() -> None:
    found = cells(draft_lengths=[2, "cost-aware"], temperatures=[0.0, 0.5], repeats=2, domains=["code"])
    assert [cell.number for cell in found] == list(range(1, 9))
    assert [cell.place["repeat"] for cell in found] == [0] * 4 + [1] * 4
    assert [cell.parameters["seed"] for cell in found] == [42] * 4 + [43] * 4
    assert [cell.parameters["k_values"] for cell in found[:2]] == [[2], ["cost-aware"]]
    assert len({json.dumps(cell.parameters) for cell in found}) == 8


def test_a_cell_gives_the_notebook_what_it_knows_and_leaves_the_place_of_results_aside() -> None:
    (cell, *_) = cells(drafts=["lookup"], verifiers=["block"], domains=["code"])
    known = set(notebook_parameters(BENCHMARK_NOTEBOOK))
    assert set(cell.parameters) == known - {"decoders", "drafter", "resume", "output_path"}
    assert cell.asked.pair.pair_name == "lookup+pocket-target"


def test_labels_say_where_cells_differ() -> None:
    found = cells(draft_lengths=[1, 8], domains=["code", "conversation"])
    assert varying_axes(found) == ["domain", "draft_length"]
    assert [cell.label(varying_axes(found)) for cell in found[:2]] == ["code, K = 1", "code, K = 8"]
    assert found[0].label() == "pocket, T = 0, code, K = 1"


def test_cells_that_have_all_values_of_an_entry_are_left_out() -> None:
    found = cells(
        draft_lengths=[1, 8],
        domains=["code", "conversation"],
        exclude=[{"domain": "code", "draft_length": 8}],
    )
    assert [cell.label(["domain", "draft_length"]) for cell in found] == [
        "code, K = 1", "conversation, K = 1", "conversation, K = 8"
    ]  # fmt: skip
    own = {"target": "pocket-target", "draft": "lookup"}
    assert len(cells(pairs=["pocket", own], domains=["code"], exclude=[{"pair": "pocket-target"}])) == 1
    with pytest.raises(InvalidArgument, match="no cell is left"):
        cells(exclude=[{"pair": "pocket"}])


def test_domains_of_a_file_of_prompts_are_its_own(tmp_path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"prompt": "a b", "domain": "x"}\n{"prompt": "c", "domain": "y"}\n')
    found = cells(prompts=["builtin", str(path)])
    assert [cell.place["domain"] for cell in found] == ["code", "conversation", "summarization", "x", "y"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pairs": ["pockte"]}, "Unknown pair 'pockte'"),
        ({"pairs": [{"target": "pocket-target"}]}, "needs a draft"),
        ({"drafts": ["lokup"]}, "did you mean lookup?"),
        ({"draft_lengths": ["cost-awre"]}, "did you mean cost-aware?"),
        ({"domains": ["codee"]}, "choose from code"),
        ({"engines": ["vllm"]}, "choose from specdec_lib, transformers"),
        ({"verifiers": ["tokn"]}, "verifier is 'tokn'"),
        ({"engines": ["transformers"], "batch": [2]}, "one text at a time"),
        ({"dtypes": ["fp8"]}, "Unsupported dtype 'fp8'"),
        ({"num_prompts": 100}, "100 are asked for"),
        ({"prompts": ["nowhere.jsonl"]}, "nowhere.jsonl"),
        ({"exclude": [{"domain": "cod"}]}, "exclude names 'cod' on the axis domain; there are code"),
        ({"drafts": ["json:Nope"]}, "json"),
        ({"drafts": ["head:nowhere"]}, "nowhere"),
    ],
)
def test_a_cell_that_cannot_be_run_is_refused_in_one_line(settings, said) -> None:
    with pytest.raises(SpecDecError) as caught:
        cells(**settings)
    assert said in str(caught.value) and "\n" not in str(caught.value)


# -- who a cell is -------------------------------------------------------------------------------------


def test_a_key_follows_parameters_weights_and_prompts_and_nothing_else() -> None:
    (one, other) = cells(draft_lengths=[2, 4], domains=["code"])
    parts = made_of(one)
    assert set(parts) == {"notebook", "library", "weights", "prompts"}
    assert made_of(other) == parts and key_of(one, parts) == key_of(one, made_of(one))
    assert key_of(one, parts) != key_of(other, parts)
    keys = {key_of(one, {**parts, name: "0"}) for name in parts}
    assert len(keys) == len(parts) and key_of(one, parts) not in keys


def test_other_weights_and_other_prompts_make_another_cell(tmp_path) -> None:
    (pocket,) = cells(domains=["code"])
    (foreign,) = cells(pairs=["pocket_foreign"], domains=["code"])
    assert made_of(pocket)["weights"] != made_of(foreign)["weights"]
    path = tmp_path / "mine.jsonl"
    path.write_text('{"prompt": "a b", "domain": "code"}\n')
    (mine,) = cells(prompts=[str(path)], domains=["code"])
    assert made_of(mine)["prompts"] != made_of(pocket)["prompts"]


def test_the_words_of_a_notebook_do_not_count_and_its_code_does(tmp_path) -> None:
    told = json.loads(BENCHMARK_NOTEBOOK.read_text(encoding="utf8"))
    hashes = []
    for number, kind in enumerate((None, "markdown", "code")):
        for cell in told["cells"]:
            if cell["cell_type"] == kind:
                cell["source"] = [*cell["source"], "\n# more"]
        path = tmp_path / f"{number}.ipynb"
        path.write_text(json.dumps(told))
        hashes.append(notebook_hash(path))
    assert hashes[0] == hashes[1] != hashes[2]
    assert notebook_hash(BENCHMARK_NOTEBOOK) == hashes[0] and len(library_hash()) == 16
