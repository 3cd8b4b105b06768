"""What counts as a token: an id that was drawn, in the baseline as in the speculative arms."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models

from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.prompts import TokenisedPrompt
from specdec_lib.bench.records.runs import ALL_DOMAINS, runs_of
from specdec_lib.bench.tables.summary import latency_table, speedup_table
from specdec_lib.models.wrapper import ModelWrapper

DRAWN = 9
GRID = Grid(k_values=(3,), domains=("code", "conversation"), max_new_tokens=DRAWN, num_prompts=1, repeats=2)


def test_both_arms_count_the_ids_that_were_drawn(tmp_path: Path, monkeypatch) -> None:
    """Trap 27. This tokenizer reads the text of any two tokens as one, so that text counts half of them."""
    monkeypatch.setattr(ModelWrapper, "decode", lambda self, ids, *_: "".join(chr(65 + i) for i in ids))
    monkeypatch.setattr(ModelWrapper, "encode", lambda self, text: [ord(first) - 65 for first in text[::2]])
    target, draft = tiny_models.tiny_pair("llama")
    prompts = {domain: [TokenisedPrompt(f"{domain}_000", [5, 7, 11])] for domain in GRID.domains}
    bench = Benchmark(GRID, target, draft, prompts, tmp_path / "r.jsonl", report=lambda line: None)
    runs = runs_of(bench.measure())
    assert {run.k for run in runs} == {0, 3} and len(runs) == GRID.num_runs
    for run in runs:
        ids = run.result.generated_ids
        assert len(ids) == len(run.result.per_token_latencies) == run.result.num_tokens == DRAWN
        assert len(target.encode(target.decode(ids))) == (DRAWN + 1) // 2
    for row in speedup_table(runs, draws=20):
        chosen = [run for run in runs if run.config.temperature == row["temperature"]]
        chosen = [run for run in chosen if row["domain"] in (run.config.prompt_domain, ALL_DOMAINS)]
        for arm, rate in ((0, row["ar_tokens_per_second"]), (row["k"], row["sd_tokens_per_second"])):
            seconds = [run.result.total_time for run in chosen if run.k == arm]
            assert rate * sum(seconds) == pytest.approx(DRAWN * len(seconds))
    baseline = [row for row in latency_table(runs) if row["k"] == 0]
    assert [row["num_tokens"] for row in baseline] == [4 * (DRAWN - 1)] * 2  # the first is the prompt's
