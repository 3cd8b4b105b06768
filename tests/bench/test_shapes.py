"""Models of known shape: the costs are measured, the speedups follow from them, nothing is invented."""

from __future__ import annotations

import pytest
import torch

from specdec_lib.bench import shapes
from specdec_lib.bench.measure.scaling import shapes as made
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.shapes import SHAPES, measure_shape, random_model, shape_summary
from specdec_lib.theory.speedup import speedup

TINY = (made._llama(32, 48, 2, 4, 2, 97), made._llama(32, 48, 1, 4, 2, 97))


def test_shapes_are_those_of_the_models_that_they_are_named_after() -> None:
    """Parameters, counted without allocating: 8.03, 1.56 and 1.10 billion."""
    counts = {}
    for name, (config, draft) in SHAPES.items():
        with torch.device("meta"):
            model = made.AutoModelForCausalLM.from_config(config)
        counts[name] = sum(p.numel() for p in model.parameters()) / 1e9
        assert draft.vocab_size == config.vocab_size
    assert counts == pytest.approx({"llama3_8b": 8.03, "gpt2_xl": 1.56, "tinyllama": 1.10}, abs=0.01)


def test_a_shape_is_measured_recorded_and_summed_up(tmp_path) -> None:
    models = [random_model(config, torch.float32, torch.device("cpu")) for config in TINY]
    path = tmp_path / "shapes.jsonl"
    record = measure_shape("tiny", *models, path, k_values=(1, 3), context=20, repeats=2, copy_megabytes=4)
    assert read_records(path) == ([record], [])
    summary = shape_summary(record)
    assert summary["c"] > 0 and set(summary["v"]) == {1, 3} and len(summary["speedups"]) == 8
    row = next(r for r in summary["speedups"] if (r["alpha"], r["k"]) == (0.8, 3))
    assert row["speedup"] == pytest.approx(speedup(0.8, 3, summary["c"], summary["v"][3]))
    assert summary["bytes_per_second"] == pytest.approx(record["weight_bytes"] / summary["step_ms"] * 1e3)


def test_random_models_are_made_in_the_type_asked_for_and_leave_the_default() -> None:
    model = random_model(TINY[0], torch.bfloat16, torch.device("cpu"))
    assert model.dtype == torch.bfloat16 and torch.get_default_dtype() == torch.float32


def test_the_command_prints_what_it_found(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(SHAPES, "tiny", TINY)
    monkeypatch.setattr(made, "copy_bandwidth", lambda *_: 1e9)
    options = ["--shape", "tiny", "--device", "cpu", "--dtype", "float32", "--context", "8", "--repeats", "1"]
    assert shapes.main([*options, "--output", str(tmp_path / "new" / "shapes.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "tiny:" in out and "alpha = 0.8: at best" in out and "acceptance is assumed" in out


def test_an_unknown_shape_is_one_line(capsys) -> None:
    assert shapes.main(["--shape", "llama9"]) == 2
    assert "unknown shape 'llama9'; choose from llama3_8b" in capsys.readouterr().err
