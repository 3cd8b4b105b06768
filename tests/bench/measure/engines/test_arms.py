"""A comparison with engines in it: whose arms they are, in which order, and what becomes of bad texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models

from specdec_lib.bench.measure.arm import Arm, our_facts
from specdec_lib.bench.measure.engines import arms as arms_module
from specdec_lib.bench.measure.engines.arms import OtherEngines, context_needed
from specdec_lib.bench.measure.engines.asked import WantedEngine
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.peers.arms import OursFromOutside
from specdec_lib.bench.measure.peers.comparison import PeerComparison
from specdec_lib.bench.measure.prompts import TokenisedPrompt
from specdec_lib.bench.records.identity import require_same_ids
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.tables.peers import cut_blocks, has_engines, peer_table, ratio_table
from specdec_lib.errors import InvalidArgument, ServerUnavailable
from specdec_lib.lossless.audit.peers.server_process import PORT, served
from specdec_lib.models.export.pair import WrittenModel
from tests.bench.measure.engines.fakes import installed_genai, installed_llama, starts_of

GRID = Grid(k_values=(2,), domains=("code",), temperatures=(0.0,), max_new_tokens=6, num_prompts=3, repeats=2)
MODELS = {"target": "somebody/target", "draft": "somebody/draft"}
PROMPTS = {"code": [TokenisedPrompt(f"code_{i}", ids) for i, ids in enumerate(tiny_models.prompts(3))]}
TARGET, DRAFT = tiny_models.tiny_pair("llama")
OURS = {
    tuple(prompt.ids): (OursFromOutside(TARGET)(prompt.ids, 6, 0.0, 0).generated_ids, False)
    for prompt in PROMPTS["code"]
}
"""What the target says behind each prompt."""
FIRST = tuple(PROMPTS["code"][0].ids)


@pytest.fixture(autouse=True)
def written(monkeypatch):
    """No weights are written: the servers have a table of their own."""
    told = []

    def export(models, form, folder, width):
        told.append((dict(models), form, width))
        return [WrittenModel(role, one, Path(f"/there/{role}"), 1, 1) for role, one in models.items()]

    monkeypatch.setattr(arms_module, "export_models", export)
    return told


def opened(folder, *names) -> OtherEngines:
    wanted = [one if isinstance(one, WantedEngine) else WantedEngine(one) for one in names]
    return OtherEngines(wanted, folder, TARGET, DRAFT, MODELS, GRID, PROMPTS, lambda line: None)


def compared(path, engines, lines=None):
    """Records of ours beside the engines, as read from their file."""
    ours = Arm("ours-AR", our_facts(TARGET), lambda: OursFromOutside(TARGET))
    report = (lambda line: None) if lines is None else lines.append
    output, arms = path / "peers.jsonl", [ours, *engines.arms]
    comparison = PeerComparison(GRID, TARGET, DRAFT, PROMPTS, output, False, report, arms)
    returned = comparison.warm_up() + comparison.measure()
    records, problems = read_records(output)
    assert problems == [] and records == returned
    return records


def runs(records, name=None):
    return [one for one in records if one["kind"] == "peer" and name in (None, one["decoder"])]


def test_a_server_without_and_with_the_draft_beside_ours(tmp_path, written):
    program = installed_llama(tmp_path, OURS, tiny_models.VOCAB)
    with opened(tmp_path, "llama.cpp") as engines:
        assert [arm.name for arm in engines.arms] == ["llama.cpp", "llama.cpp-K2"]
        assert not starts_of(program), "nothing is started before its arm is needed"
        records = compared(tmp_path, engines)
    names = ["ours-AR", "llama.cpp", "llama.cpp-K2"]
    order = [one["decoder"] for one in sorted(runs(records), key=lambda one: one["turn"])]
    blocks = len(list(GRID.blocks()))
    assert [order[:blocks].count(name) for name in names] == [2, 2, 2], "each arm is the first as often"
    assert {one["decoder"]: one["first_difference"] for one in runs(records)} == {
        "ours-AR": None, "llama.cpp": -1, "llama.cpp-K2": -1,
    }  # fmt: skip
    own = {(one["decoder"], one.get("engine"), one.get("decode_seconds")) for one in runs(records)}
    assert own == {("ours-AR", None, None), *((name, "llama.cpp", 0.03) for name in names[1:])}
    assert require_same_ids(records).identical == 2 * blocks
    told = starts_of(program)
    assert ["--spec-type" in one for one in told] == [False, True] and "/there/draft" in told[1]
    assert written == [
        ({"target": "somebody/target"}, "gguf", "f32"),
        ({"draft": "somebody/draft"}, "gguf", "f32"),
    ]
    assert not list(tmp_path.glob("bench-*")), "what was written is gone"


def test_what_an_engine_is_stands_in_the_record_of_its_arm(tmp_path):
    installed_llama(tmp_path, OURS, tiny_models.VOCAB)
    with opened(tmp_path, "llama.cpp") as engines:
        records = compared(tmp_path, engines)
    facts = {one["decoder"]: one["arm"] for one in records if one["kind"] == "arm"}
    plain, drafting = facts["llama.cpp"], facts["llama.cpp-K2"]
    assert (plain["library"], plain["method"], plain["dtype"]) == ("llama.cpp", "autoregressive", "float32")
    assert (drafting["method"], drafting["k"], drafting["drafter"]) == ("speculative", 2, DRAFT.name)
    options = plain["options"]
    assert (options["weights"], options["cache"], options["threads"]) == ("f32", "f32", engines._threads)
    assert options["installed"].count("-") == 2 and options["prompt_cache"] is False
    assert "-ctk f32" in options["options"] and "--spec-draft-n-max 2" in drafting["options"]["options"]
    assert has_engines(records)
    names = [row["name"] for row in ratio_table(records, draws=20)]
    assert sum("engine" in name for name in names) == 2


def test_a_text_that_ends_by_itself_is_left_out_and_said_once(tmp_path):
    installed_llama(tmp_path, OURS | {FIRST: ([*OURS[FIRST][0][:3], 0], True)}, tiny_models.VOCAB)
    lines: list[str] = []
    with opened(tmp_path, "llama.cpp") as engines:
        records = compared(tmp_path, engines, lines)
    cut = [one for one in runs(records, "llama.cpp") if one["prompt_id"] == "code_0"]
    assert len(cut) == 2 and all(one["first_difference"] is None for one in cut)
    assert all(one["result"]["generated_ids"] == OURS[FIRST][0][:3] for one in cut)
    rows = {row["arm"]: row for row in peer_table(records, draws=20, over=("ours-AR",))}
    assert (rows["llama.cpp"]["cut"], rows["llama.cpp"]["num_runs"]) == (2, 4)
    assert (rows["ours-AR"]["cut"], rows["ours-AR"]["num_runs"]) == (0, 4), "nobody is timed on those blocks"
    assert {block[2] for block in cut_blocks(records)} == {"code_0"}
    assert (rows["llama.cpp"]["identical"], rows["llama.cpp"]["compared"]) == (4, 4)
    said = [line for line in lines if "ended after" in line]
    assert [line.split(":")[0] for line in said] == ["llama.cpp", "llama.cpp-K2"] and "of 6 tokens" in said[0]


def test_an_unequal_text_is_counted_and_no_error(tmp_path):
    wrong = [*OURS[FIRST][0][:3], *(1 + token for token in OURS[FIRST][0][3:])]
    installed_llama(tmp_path, OURS | {FIRST: (wrong, False)}, tiny_models.VOCAB + 1)
    with opened(tmp_path, "llama.cpp") as engines:
        records = compared(tmp_path, engines)
    row = next(row for row in peer_table(records, draws=20) if row["arm"] == "llama.cpp")
    assert row["compared"] and row["identical"] < row["compared"]
    found = require_same_ids(records)
    assert found.differing and found.differing[0].logit_gap is not None
    with_ours = [one | {"engine": None} if one["kind"] == "peer" else one for one in records]
    with pytest.raises(Exception, match="speed cannot be compared"):
        require_same_ids(with_ours)


def test_one_that_dies_half_way_is_refused_in_a_line_and_the_others_go_on(tmp_path):
    installed_llama(tmp_path, OURS, tiny_models.VOCAB, dies_after=3)
    lines: list[str] = []
    with opened(tmp_path, "llama.cpp") as engines:
        records = compared(tmp_path, engines, lines=lines)
    refused = [one["arm"] for one in records if one["kind"] == "arm" and one["arm"].get("refused")]
    assert [one["k"] for one in refused] == [2] and "\n" not in refused[0]["refused"]
    assert refused[0]["refused"].startswith("llama.cpp-K2 ended: ")
    assert sum("is refused" in line for line in lines) == 1
    assert len(runs(records, "llama.cpp")) == len(runs(records, "ours-AR")) == len(list(GRID.blocks()))


def test_a_server_that_runs_is_what_it_says_it_is(tmp_path):
    program = installed_llama(tmp_path, OURS, tiny_models.VOCAB)
    plain = [str(program), "--port", PORT]
    with served(plain, tmp_path / "log") as url, opened(tmp_path, WantedEngine("mine", url)) as engines:
        (arm,) = engines.arms
        assert (arm.name, arm.facts.library, arm.facts.method) == ("mine", "llama.cpp", "autoregressive")
        told = arm.facts.options
        assert (told["url"], told["weights"], told["version"]) == (url, "all F32", "b7")
        records = compared(tmp_path, engines)
        assert {one["first_difference"] for one in runs(records, "mine")} == {-1}
    drafting = [*plain, "--spec-type", "draft-simple"]
    with served(drafting, tmp_path / "log") as url, opened(tmp_path, WantedEngine("mine", url)) as engines:
        facts = engines.arms[0].facts
        assert facts.method == "speculative" and facts.options["drafting"] == "draft-simple"


def test_a_server_of_another_model_and_none_at_all_are_refused(tmp_path):
    program = installed_llama(tmp_path, OURS, 3)
    with (
        served([str(program), "--port", PORT], tmp_path / "log") as url,
        pytest.raises(InvalidArgument, match="serves a vocabulary of 3 tokens, and the target has"),
    ):
        opened(tmp_path, WantedEngine("mine", url))
    with pytest.raises(ServerUnavailable):
        opened(tmp_path, WantedEngine("mine", url))


def test_openvino_is_two_pipelines_for_all_draft_lengths(tmp_path, monkeypatch):
    installed_genai(tmp_path)
    names = []
    whole = OtherEngines._process

    def process(self, name):
        names.append(name)
        return whole(self, name)

    def wrote(self, form, width, models):
        return {role: Path(role) for role in models}

    monkeypatch.setattr(OtherEngines, "_process", process)
    monkeypatch.setattr(OtherEngines, "_wrote", wrote)
    grid = replace(GRID, k_values=(1, 3))
    engines = OtherEngines([WantedEngine("openvino")], tmp_path, TARGET, DRAFT, MODELS, grid, PROMPTS, print)
    with engines:
        made = {arm.name: arm.make() for arm in engines.arms}
        ids = {name: engine([7], 2, 0.0, 0).generated_ids for name, engine in made.items()}
    assert names == ["openvino", "openvino-K1"]
    assert ids == {"openvino": [8, 9], "openvino-K1": [108, 109], "openvino-K3": [308, 309]}
    facts = engines.arms[-1].facts
    assert (facts.library, facts.k, facts.options["version"]) == ("OpenVINO GenAI", 3, "9.1")
    assert "num_assistant_tokens=3" in facts.options["options"]


def test_weights_that_no_engine_is_given_refuse_its_arms(tmp_path, monkeypatch):
    installed_llama(tmp_path, OURS, tiny_models.VOCAB)
    monkeypatch.setattr(arms_module, "dtype_of", lambda model: "int8")
    with opened(tmp_path, "llama.cpp") as engines, pytest.raises(InvalidArgument, match="are int8; choose"):
        engines.arms[0].make()


def test_the_cache_that_the_server_has_by_itself(tmp_path):
    program = installed_llama(tmp_path, OURS, tiny_models.VOCAB)
    with opened(tmp_path, "llama.cpp", "llama.cpp-f16") as engines:
        assert [arm.name for arm in engines.arms][1:3] == ["llama.cpp-K2", "llama.cpp-f16"]
        assert [arm.facts.options["cache"] for arm in engines.arms] == ["f32", "f32", "f16", "f16"]
        assert {arm.facts.options["weights"] for arm in engines.arms} == {"f32"}
        engines.arms[3].make()
    (told,) = starts_of(program)
    assert told[told.index("-ctk") + 1] == told[told.index("-ctkd") + 1] == "f16"
    assert told[told.index("-fa") + 1] == "on"


def test_the_context_has_room_for_the_longest_text_and_its_last_draft():
    prompts = {"code": [TokenisedPrompt("a", list(range(250)))]}
    assert context_needed(GRID, prompts, None) == 512 and context_needed(GRID, prompts, 300) == 300
    assert context_needed(GRID, PROMPTS, 4096) == 256
