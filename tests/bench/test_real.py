"""`make real` on a toy GGUF file: fetched once, measured, shown, and not measured again. No network."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path

import pytest
from models.architectures import llama_config, tiny_model, tiny_tokenizer
from models.gguf_files import write_gguf

from specdec_lib.bench import real
from specdec_lib.bench.measure.real.models import RealModel
from specdec_lib.bench.records.schema import read_records
from specdec_lib.models import draft

FEW = ("--models", "toy", "--num-prompts", "1", "--max-new-tokens", "6", "--repeats", "1", "--k", "2")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[Path, str, str]:
    """A folder with the toy model and one session of it; what was printed, the first time and the second."""
    folder, patch = tmp_path_factory.mktemp("real"), pytest.MonkeyPatch()
    config = llama_config(vocab_size=288, max_position_embeddings=2048)
    path = write_gguf(folder / "toy.gguf", tiny_model(config), tiny_tokenizer(), rows=288)
    toy = RealModel("toy", "toy.gguf", hashlib.sha256(path.read_bytes()).hexdigest(), ())
    patch.setattr(real, "real_model", {"toy": toy}.__getitem__)
    patch.setattr(draft, "load_draft", lambda target, model_id, dtype: target)  # rows too short for four bits
    arguments = [*FEW, "--folder", str(folder), "--output", str(folder / "runs"), "--resume"]
    said = [printed(arguments), printed(arguments)]
    patch.undo()
    return folder, said[0], said[1]


def printed(arguments: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert real.main(arguments) == 0
    return out.getvalue()


def test_every_arm_runs_every_prompt_and_emits_the_reference_s_ids(measured):
    records, problems = read_records(measured[0] / "runs" / "toy.jsonl")
    assert problems == []
    found = [json.loads(line) for line in (measured[0] / "runs" / "toy.jsonl").read_text().splitlines()]
    runs = [record for record in found if record["kind"] == "peer"]
    arms = {record["decoder"] for record in found if record["kind"] == "arm"}
    assert len(records) == len(found) and len(runs) == 3 * len(arms)
    assert {"hf-generate", "ours-suffix > self@int4", "ours-lookup-cost-aware"} < arms and len(arms) == 8
    assert {record["first_difference"] for record in runs if record["decoder"] != "hf-generate"} == {-1}
    assert {record["config"]["model_pair_name"] for record in runs} == {"toy"}


def test_the_costs_behind_the_measured_length_are_recorded_once(measured):
    found = [json.loads(line) for line in (measured[0] / "runs" / "toy.jsonl").read_text().splitlines()]
    (costs,) = [record["costs"] for record in found if record["kind"] == "costs"]
    widths = {forward["width"] for forward in costs["forwards"] if forward["model"] == "target"}
    assert widths == {1, *(k + 1 for k in real.K_VALUES)}


def test_it_prints_rates_and_ratios_and_goes_on_where_it_was(measured):
    _, first, second = measured
    for line in ("toy: tokens a second", "all, all texts, 3 prompts: ours-", "hf-generate is warm"):
        assert line in first
    assert "24 runs are recorded already, no block is left" in second and "is warm" not in second


def test_a_file_is_shown_without_measuring(measured, capsys):
    assert real.main(["--show", str(measured[0] / "runs" / "toy.jsonl")]) == 0
    assert "toy: tokens a second" in capsys.readouterr().out


def test_a_model_that_there_is_not_is_one_line(capsys):
    assert real.main(["--models", "gpt5"]) == 2
    assert capsys.readouterr().err.startswith("[real] error: real models: there is no 'gpt5'")
