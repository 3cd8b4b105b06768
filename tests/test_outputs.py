"""Lines and values that others build on, exactly as they are written down."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny_models

from specdec_lib.data import prompts
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import SpecDecError
from specdec_lib.models import loader, ollama_loader
from specdec_lib.models.loader import load_model
from specdec_lib.models.registry import REGISTRY, get_pair
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult
from specdec_lib.profiling.timer import CUDATimer, CUDATimerCollection


def as_pattern(lines: str) -> re.Pattern[str]:
    """The lines as they must be printed; ``<…>`` is a pattern of its own."""
    parts = re.split(r"<(.*?)>", lines.strip("\n"))
    return re.compile("".join(part if index % 2 else re.escape(part) for index, part in enumerate(parts)))


# -- commands --------------------------------------------------------------------------------------


def test_the_loader(capsys: pytest.CaptureFixture[str]) -> None:
    assert loader.main(["--model", "pocket-draft", "--dtype", "float16"]) == 0
    expected = r"""
[loader] tokenizer  ← pocket-draft
[loader] model      ← pocket-draft  (dtype=float16)
  model      : pocket-draft
  parameters : <\d+\.\d> M
  memory     : <\d+\.\d\d> GB

[loader] generating 10 tokens …
[loader] output: <['"]>The quick brown fox<.+['"]>
[loader] OK
"""
    assert as_pattern(expected).fullmatch(capsys.readouterr().out.strip())


def test_the_prompts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "prompts.json"
    assert prompts.main(["--tokenizer", "pocket", "--source", "builtin", "--output", str(output)]) == 0
    row = r"50<\s+\d+\s+\d+\.\d\s+\d+>"
    expected = f"""
[prompts] loading tokenizer: pocket
[prompts] building full dataset (50 prompts per domain) …

domain                  n    min    mean    max
-----------------------------------------------
code                   {row}
conversation           {row}
summarization          {row}
[prompts] saved 150 prompts → {output}
[prompts] saved  15 prompts → {tmp_path / "prompts_tiny.json"}
"""
    assert as_pattern(expected).fullmatch(capsys.readouterr().out.strip())
    assert len(prompts.PromptDataset.load(output)) == 150


class _Server(BaseHTTPRequestHandler):
    """As much of Ollama as listing its models takes."""

    def do_GET(self) -> None:
        details = {"parameter_size": "1.2B", "quantization_level": "Q8_0"}
        models = [{"name": "llama3.2:1b", "size": 1321098329, "details": details}]
        answers = {"/api/version": {"version": "0.5.1"}, "/api/tags": {"models": models}}
        body = json.dumps(answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def ollama() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_ollama(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ollama: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama)
    assert ollama_loader.main() == 0
    first, second, _, header, *rows = capsys.readouterr().out.splitlines()
    assert first == f"[ollama] checking server at {ollama} …" and second == "[ollama] ✓ server is running."
    assert re.split(r"\s{2,}", header.strip()) == ["model", "params", "quant", "size (GB)"]
    assert rows[-1].split() == ["llama3.2:1b", "1.2B", "Q8_0", "1.3"]


# -- results, timers, hashes -----------------------------------------------------------------------


def test_summaries() -> None:
    speculative = GenerationResult(
        generated_ids=[1, 2, 3, 4, 5],
        per_token_latencies=[0.09, 0.09, 0.08, 0.0897, 0.1],
        total_time=0.4386,
        peak_memory_mb=1823.0,
        acceptance_rate=0.78,
        num_speculation_rounds=18,
    )
    assert speculative.summary() == (
        "SD  | 5 tok | 11.4 tok/s | p50=90ms p95=98ms | mem=1823MB | accept=0.78 rounds=18"
    )
    plain = GenerationResult(list(range(50)), [0.015] * 46 + [0.021] * 4, total_time=0.7911)
    assert plain.summary() == "AR  | 50 tok | 63.2 tok/s | p50=15ms p95=21ms | mem=0MB"


def test_memory_is_known_where_somebody_watched_it() -> None:
    """On a CPU nobody does, and 0 would be a number."""
    decoder = AutoregressiveDecoder(tiny_models.tiny_pair("llama")[0])
    result = decoder.generate([1, 2, 3], 4)
    assert (result.peak_memory_mb is None) == (decoder.target.device.type == "cpu")
    assert "| mem=n/a" in result.summary() or result.peak_memory_mb is not None


def test_two_results_written_one_after_the_other_are_two_lines(tmp_path: Path) -> None:
    result = GenerationResult([1, 2], total_time=1.0)
    with (tmp_path / "r.jsonl").open("w") as f:
        f.write(result.to_json_line())
        f.write(result.to_json_line())
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [GenerationResult.from_dict(json.loads(line)) for line in lines] == [result, result]


def test_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 0.001, 0.0012, 0.001443, 1.0, 1.004817, 2.0])
    monkeypatch.setattr("specdec_lib.profiling.timer.time.perf_counter", lambda: next(readings))
    timers = CUDATimerCollection(device="cpu")
    for name in ("draft", "draft", "verify"):  # they accumulate
        timers.start(name)
        timers.stop(name)
    assert timers.summary() == {"draft": 1.243, "verify": 4.817}
    timers.start("rollback")  # is under way, and so has no time yet
    assert timers.summary() == {"draft": 1.243, "verify": 4.817}
    assert repr(timers) == ("CUDATimerCollection:\n  draft  :    1.243 ms\n  verify :    4.817 ms")


def test_a_timer_that_is_misused_is_named() -> None:
    timer, timers = CUDATimer("verify"), CUDATimerCollection()
    with pytest.raises(RuntimeError, match="'verify'"):
        timer.elapsed_ms  # noqa: B018
    with pytest.raises(RuntimeError, match="'draft'"):
        timers.stop("draft")
    with timer, pytest.raises(RuntimeError, match="'verify'"):
        timer.start()


def test_hashes() -> None:
    assert BenchmarkConfig("gpt2_dev", 4, 0.0, 200, "code", 42).config_hash() == "673dc3a1db65"


def test_errors_are_those_that_python_users_expect() -> None:
    with pytest.raises(
        ValueError, match=r"^Unsupported dtype 'int8'\. Choose from: \[.*'float16'.*\]$"
    ) as dtype:
        load_model("pocket-draft", "int8")
    with pytest.raises(KeyError) as pair:
        get_pair("x")
    assert str(pair.value) == f"Unknown pair 'x'. Available pairs: {', '.join(REGISTRY)}"
    assert isinstance(dtype.value, SpecDecError) and isinstance(pair.value, SpecDecError)
