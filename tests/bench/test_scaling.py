"""The measurements of growth on random tiny models: what is timed, what is left out, and going on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models
import torch

from specdec_lib.bench import scaling
from specdec_lib.bench.measure.arm import Ours
from specdec_lib.bench.measure.peers.hugging_face import HuggingFace
from specdec_lib.bench.measure.scaling import growth
from specdec_lib.bench.measure.scaling.arms import (
    hugging_face_rounds,
    later_rounds,
    lengthened,
    our_rounds,
    shortened,
)
from specdec_lib.bench.measure.scaling.growth import GrowthPlan, Scaling
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.reading import read_records
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper

PLAN = GrowthPlan(
    contexts=(8, 300), k_values=(1, 3), depths=(1, 2), k=2, context=12, new_tokens=12, repeats=2
)
TEXT = tiny_models.prompts(1, seed=5)[0]


@pytest.fixture(scope="module")
def pair() -> tuple[ModelWrapper, ModelWrapper]:
    return tiny_models.tiny_pair("llama", num_layers=2)


def run(path: Path, pair, plan: GrowthPlan = PLAN, report=lambda line: None, resume=False) -> list[Record]:
    return Scaling(plan, "tiny", *pair, TEXT, path / "scaling.jsonl", report, resume=resume).measure()


@pytest.fixture(scope="module")
def records(tmp_path_factory, pair) -> list[Record]:
    folder = tmp_path_factory.mktemp("scaling")
    written = run(folder, pair)
    assert read_records(folder / "scaling.jsonl") == (written, [])
    return written


def test_there_is_a_record_a_block_and_every_arm_is_in_it(records) -> None:
    assert [(r["repeat"], r["vary"], r["value"]) for r in records] == [
        (b.repeat, b.vary, b.value) for b in PLAN.blocks()
    ]
    arms = {r["vary"]: set(r["seconds"]) for r in records}
    assert arms["context"] == {"ours round", "HF round", "ours token", "HF token"}
    assert arms["k"] == {"ours round", "ours forward", "draft forward"}
    assert arms["depth"] == {"ours token", "HF token"}
    assert all(s and min(s) > 0 for r in records for s in r["seconds"].values())


def test_records_say_their_settings_and_what_lies_beyond_the_training(records) -> None:
    settings = {(r["vary"], r["value"]): (r["k"], r["context"], r["depth"]) for r in records}
    assert settings["context", 300] == (2, 300, 2) and settings["k", 3] == (3, 12, 2)
    assert settings["depth", 1] == (2, 12, 1)
    assert {r["value"] for r in records if r["beyond_training"]} == {300}


def test_both_libraries_time_the_same_rounds_and_steps(records) -> None:
    for record in records:
        if record["vary"] == "context" and not record["beyond_training"]:
            counts = {name: len(s) for name, s in record["seconds"].items()}
            assert counts["ours round"] == counts["HF round"]
            assert counts["ours token"] == counts["HF token"] == PLAN.new_tokens - 1


def test_the_users_models_stay_as_they_are(records, pair) -> None:
    assert [model.context_length for model in pair] == [tiny_models.CONTEXT] * 2
    assert len(pair[0].model.model.layers) == 2 and "generate" not in vars(pair[0].model)


def test_a_run_that_was_ended_goes_on(tmp_path, pair) -> None:
    plan = GrowthPlan(contexts=(), k_values=(1, 2, 3), k=2, context=12, new_tokens=8, repeats=1)
    path = tmp_path / "scaling.jsonl"
    first = run(tmp_path, pair, plan)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    said: list[str] = []
    again = run(tmp_path, pair, plan, said.append, resume=True)
    assert said[0] == "2 blocks are there already, 1 are left"
    assert [r["value"] for r in again] == [3] and [r["value"] for r in first] == [1, 2, 3]
    assert run(tmp_path, pair, plan, resume=True) == []
    other = replace(plan, k_values=(1,), context=20)
    assert len(run(tmp_path, pair, other, resume=True)) == 1, "another context is another measurement"
    assert len(run(tmp_path, pair, plan)) == 3, "nobody asked for a session to be continued"


def test_another_number_of_tokens_is_refused_where_a_session_was_to_go_on(tmp_path, pair) -> None:
    plan = GrowthPlan(contexts=(8,), k_values=(1,), k=2, context=8, new_tokens=8, repeats=1)
    assert [r["new_tokens"] for r in run(tmp_path, pair, plan)] == [12, 8], "four rounds at least"
    longer = replace(plan, new_tokens=10)
    with pytest.raises(InvalidArgument, match="new_tokens at K = 1 was 8 in the session and is 10 now"):
        run(tmp_path, pair, longer, resume=True)
    assert run(tmp_path, pair, replace(plan, new_tokens=6), resume=True) == [], "as many are emitted"
    assert len(run(tmp_path, pair, longer)) == 2
    assert run(tmp_path, pair, longer, resume=True) == []


def test_records_that_say_no_number_of_tokens_are_not_added_to(tmp_path, pair) -> None:
    plan = GrowthPlan(contexts=(8,), k_values=(), k=1, context=8, new_tokens=8, repeats=1)
    records = run(tmp_path, pair, plan)
    (tmp_path / "old").mkdir()
    before = [{name: held for name, held in r.items() if name != "new_tokens"} for r in records]
    append_records(tmp_path / "old/scaling.jsonl", before)
    with pytest.raises(InvalidArgument, match="at K = 1 was not recorded in the session and is 8 now"):
        run(tmp_path / "old", pair, plan, resume=True)


def test_a_block_gets_no_arm_added(tmp_path, pair) -> None:
    """The compiled step would be held against steps that it never ran beside."""
    plan = GrowthPlan(contexts=(), k_values=(), depths=(1,), k=1, context=8, new_tokens=8, repeats=1)
    run(tmp_path, pair, plan)
    said = (
        r"of depth 1's arms 'ours token', 'HF token', 'ours token, compiled' the session ran 'ours token', "
    )
    with pytest.raises(InvalidArgument, match=said + "'HF token'; all arms of a block run back to back"):
        run(tmp_path, pair, replace(plan, compile=True), resume=True)
    path = tmp_path / "scaling.jsonl"
    (record,) = read_records(path)[0]
    record["seconds"]["ours token, compiled"] = [1e-3]
    append_records(path, [record | {"session": "compiled"}])
    assert run(tmp_path, pair, replace(plan, compile=True), resume=True) == []
    assert run(tmp_path, pair, plan, resume=True) == [], "an arm less is there already"


# -- arms ----------------------------------------------------------------------------------------------


def test_rounds_without_room_for_k_drafts_are_left_out() -> None:
    stamps = [(0.0, 0), (9.0, 3), (10.0, 3), (12.0, 1), (12.5, 1)]
    assert later_rounds(stamps, tokens=8, k=4) == [1.0]
    assert later_rounds(stamps, tokens=8, k=0) == [1.0, 2.0, 0.5]
    assert later_rounds(stamps[:2], tokens=8, k=0) == []


def test_as_many_rounds_as_the_decoder_makes(pair) -> None:
    decoder = SpeculativeDecoder(*pair, k=2)
    rounds = list(decoder.stream(TEXT, 12, 0.0, ignore_eos=True))
    room = [12 - sum(map(len, rounds[:i])) for i in range(1, len(rounds))]
    timed = our_rounds("round", Ours(*pair, k=2), TEXT, 12)
    assert len(timed["round"]) == sum(left >= 3 for left in room)


def test_the_streamer_sees_every_step_of_generate(pair) -> None:
    seen = hugging_face_rounds("token", pair[0], None, 0)(TEXT, 9)
    assert len(seen["token"]) == 8
    assert hugging_face_rounds("token", pair[0], None, 0)(TEXT, 9).keys() == {"token"}


def test_a_longer_model_shares_its_weights_and_computes_the_same(pair) -> None:
    longer = lengthened(pair[0], 500)
    assert longer.context_length == 500 and lengthened(pair[0], 100) is pair[0]
    assert next(longer.model.parameters()) is next(pair[0].model.parameters())
    ids = torch.tensor([TEXT])
    assert torch.equal(longer.forward(ids)[0], pair[0].forward(ids)[0])


def test_learned_positions_cannot_be_made_longer() -> None:
    model = tiny_models.tiny_pair("gpt2", num_layers=2)[0]
    with pytest.raises(InvalidArgument, match="cannot be given 500"):
        lengthened(model, 500)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_the_first_layers_are_the_models_own(architecture) -> None:
    model = tiny_models.tiny_pair(architecture, num_layers=2)[0]
    one, both = shortened(model, 1), shortened(model, 2)
    ids = torch.tensor([TEXT])
    assert torch.equal(both.forward(ids)[0], model.forward(ids)[0])
    states = model.model(input_ids=ids, output_hidden_states=True).hidden_states
    seen = one.model(input_ids=ids, output_hidden_states=True).hidden_states
    assert torch.equal(seen[0], states[0]) and len(seen) == 2
    ours = AutoregressiveDecoder(one).generate(TEXT, 6, 0.0, ignore_eos=True).generated_ids
    assert HuggingFace(one.model, {})(TEXT, 6, 0.0, 0).generated_ids == ours
    with pytest.raises(InvalidArgument, match="has 2 layers"):
        shortened(model, 3)


def test_numbers_below_one_are_refused_by_name(pair, tmp_path) -> None:
    with pytest.raises(InvalidArgument, match="k_values holds 0"):
        GrowthPlan(k_values=(1, 0))
    with pytest.raises(InvalidArgument, match="text is empty"):
        Scaling(PLAN, "tiny", *pair, [], tmp_path / "x.jsonl")


# -- python -m specdec_lib.bench.scaling ---------------------------------------------------------------


def test_the_command_measures_and_prints_the_table(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(growth, "_ROUNDS", 2)
    options = ["--contexts", "8,16", "--k-values", "", "--new-tokens", "5", "--k", "1", "--repeats", "1"]
    output = tmp_path / "scaling.jsonl"
    threads = torch.get_num_threads()
    try:
        assert scaling.main([*options, "--output", str(output)]) == 0
        printed = capsys.readouterr().out
        assert scaling.main([*options, "--output", str(output), "--resume"]) == 0
    finally:
        torch.set_num_threads(threads)
    assert "2/2 repeat 1, context 16" in printed and "context 8 → 16: HF round" in printed
    assert "[scaling] 2 blocks are there already, 0 are left" in capsys.readouterr().out
    assert len(read_records(output)[0]) == 2


def test_the_command_says_what_is_wrong_in_one_line(capsys) -> None:
    assert scaling.main(["--repeats", "0"]) == 2
    assert capsys.readouterr().err == "[scaling] error: scaling: repeats holds 0; pass whole numbers >= 1\n"
    assert scaling.main(["--contexts", "99", "--pair", "nothing"]) == 2
    with pytest.raises(SystemExit):
        scaling.main(["--contexts", "many"])
