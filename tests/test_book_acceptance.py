"""The page *Acceptance*: its tables are computed, its engines are read, its times are those recorded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from book_modules import load

from specdec_lib.bench.explain.counters.sentences import NAMES, POSITIONS
from specdec_lib.bench.foreign.reading import read_foreign
from specdec_lib.theory.dialects import FORMULAS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "acceptance.md").read_text(encoding="utf8")
RECORDED = json.loads((ROOT / "book" / "outputs.json").read_text(encoding="utf8"))["explain"]


def rows_of(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith("|")][2:]


def extension():
    return load("_ext/acceptance.py")


def test_every_definition_has_a_row_with_a_value_whose_word_it_is_and_what_it_misses():
    module = extension()
    whole = [key for key in FORMULAS if key not in POSITIONS]
    assert list(module.CALLED) == list(module.MISSES) == whole
    assert set(NAMES) == set(FORMULAS)
    rows = rows_of(module.table())
    assert len(rows) == len(whole) == len(rows_of(module.called()))
    for key, row, words in zip(whole, rows, rows_of(module.called()), strict=True):
        symbol, formula = FORMULAS[key]
        assert re.fullmatch(
            rf"\| {re.escape(symbol)} \| \d\.\d{{3}} \(.*\) \| {re.escape(formula)} \|", row
        ), row
        assert words == f"| {symbol} | {module.CALLED[key]} | {module.MISSES[key]} |"


def test_numbers_that_come_out_alike_are_said_to(monkeypatch):
    module = extension()
    values = {one.key: f"{one.value:.3f}" for one in module._found() if one.position is None}
    assert (
        values["tokens_per_step"] == values["emitted_per_draft"]
        and "Here N and T/D are one" in module.alike()
    )
    found = [replace(one, value=2.0) if one.key == "tokens_per_step" else one for one in module._found()]
    monkeypatch.setattr(module, "_found", lambda: found)
    assert module.alike() == ""


def test_positions_fall_where_all_drafts_are_counted_and_stay_where_those_are_that_got_there():
    rows = extension().positions().splitlines()
    shares = [[float(one) for one in row.split("|")[2:-1]] for row in rows[2:]]
    assert len(shares) == 3 and len(shares[0]) == 4
    assert shares[0] == sorted(shares[0], reverse=True) and min(shares[2]) > max(shares[0][1:])


def test_the_marks_are_filled_and_no_number_is_left_to_the_author():
    source = [PAGE]
    extension().fill_in(None, "book/acceptance", source)
    assert "<!--" not in source[0] and "specdec explain --from data" in source[0]
    prose = PAGE[: PAGE.index("## How to read")]
    assert not re.search(r"\d\.\d{2}", prose)


def test_other_pages_are_left_as_they_are():
    source = ["# A page\n"]
    extension().fill_in(None, "book/intro", source)
    assert source == ["# A page\n"]


def test_the_times_of_the_recorded_command_are_those_of_the_quietest_requests():
    (command,) = [run["command"] for run in RECORDED if " --from " in run["command"]]
    lines = (ROOT / "data" / "results" / "foreign" / "times.jsonl").read_text(encoding="utf8").splitlines()
    told = {one["run"]: one["timings"] for one in map(json.loads, lines)}
    for name, option in (("plain", "step-plain"), ("with the draft", "step"), ("draft alone", "draft-step")):
        timings = told[name]
        steps = timings["predicted_n"] - 1 - timings.get("draft_n_accepted", 0)
        (given,) = re.findall(rf"--{option} (\S+)", command)
        assert abs(float(given) - timings["predicted_ms"] / steps) < 0.003, name


def test_the_recorded_scrapes_are_read_and_hold_one_run():
    folder = ROOT / "data" / "results" / "foreign"
    run = read_foreign([str(folder / "before.prom"), str(folder / "after.prom")])
    tally = run.tally
    assert run.engine == "llama.cpp" and tally.num_tokens == 8 * 128 and tally.k == 4
    assert (
        tally.num_tokens == 8 + tally.num_drafts + tally.num_accepted_tokens
    )  # no silent round, nothing cut


def test_every_engine_that_is_read_is_on_the_page():
    for name in ("vLLM", "SGLang", "llama.cpp", "Transformers", "OpenVINO GenAI"):
        assert f"| **{name}**" in PAGE
    for name in re.findall(r"\{(?:func|class)\}`~specdec_lib\.([\w.]+)`", PAGE):
        path = ROOT / "specdec_lib" / (name.rsplit(".", 1)[0].replace(".", "/") + ".py")
        assert re.search(
            rf"^(def|class) {name.rsplit('.', 1)[1]}\b", path.read_text(encoding="utf8"), re.M
        ), name
