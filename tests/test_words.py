"""The words that people read are those of tests/words.txt: one place where a change of them is seen.

Other tests assert keys, names and numbers. `python tests/test_words.py` writes the file anew; what changed is
read before it is committed. Each function of a sentences file has an example here for each thing that it can
say, and a test finds one that has none.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from specdec_lib.bench.explain import questions
from specdec_lib.bench.explain import sentences as explain
from specdec_lib.bench.explain.counters import sentences as counters
from specdec_lib.bench.foreign import sentences as foreign
from specdec_lib.bench.measure.engines import sentences as engines
from specdec_lib.bench.results import sentences as results
from specdec_lib.bench.sweep import sentences as sweep
from specdec_lib.bench.sweep.cluster import sentences as cluster
from specdec_lib.cli import sentences as cli
from specdec_lib.cli.auditing import sentences as auditing
from specdec_lib.cli.views import sentences as views
from specdec_lib.decoding import sentences as decoding
from specdec_lib.decoding.drafters import sentences as drafters
from specdec_lib.decoding.drafters.grammar import sentences as grammar
from specdec_lib.decoding.drafters.heads import sentences as heads
from specdec_lib.decoding.lengths import sentences as lengths
from specdec_lib.lossless import sentences as lossless
from specdec_lib.lossless.audit import sentences as audit
from specdec_lib.lossless.audit.branches import sentences as branches
from specdec_lib.lossless.audit.greedy import sentences as greedy
from specdec_lib.lossless.audit.hugging_face import sentences as hugging_face
from specdec_lib.lossless.audit.peers import sentences as peers
from specdec_lib.lossless.audit.sampled import sentences as sampled
from specdec_lib.lossless.audit.servers import sentences as servers
from specdec_lib.models import sentences as models
from specdec_lib.models.architecture import sentences as architecture
from specdec_lib.models.caches import sentences as caches
from specdec_lib.models.export import sentences as export
from specdec_lib.models.fast import sentences as fast
from specdec_lib.models.files import sentences as files
from specdec_lib.models.gguf import sentences as gguf
from specdec_lib.models.ollama import sentences as ollama
from specdec_lib.models.text import sentences as text
from specdec_lib.utils.http import sentences as http
from specdec_lib.viz import sentences as viz
from specdec_lib.viz.live.panels import sentences as panels
from specdec_lib.viz.report import sentences as report

GOLDEN = Path(__file__).with_name("words.txt")
LIBRARY = Path(__file__).resolve().parents[1] / "specdec_lib"

CELL = {"accounted": 1.541, "measured": 1.233, "low": 1.2, "high": 1.27, "unexplained": -0.2}
PARTS = {"total": 0.2, "sampling": 0.04, "rollback": 0.01, "drafting": 0.0, "other": 0.15}
BEST = {"measured_best_k": 2, "measured_best": 1.4, "best_k": 3, "best_speedup": 1.5537, "gained": 0.0274}
BEST |= {"is_measured": True, "is_hidden": False, "is_largest": False}

ADVICE: list[tuple[str, dict[str, Any]]] = [
    ("explained", CELL | {"has_interval": True, "hidden": None}),
    ("explained", CELL | {"has_interval": True, "hidden": 0.3}),
    ("explained", CELL | {"has_interval": False, "hidden": None}),
    ("nearly_explained", CELL | {"unexplained": 0.04, "has_interval": True}),
    ("nearly_explained", CELL | {"accounted": 1.2299, "unexplained": 0.002, "has_interval": False}),
    ("unexplained", CELL | {"has_interval": True}),
    ("unexplained", CELL | {"has_interval": False}),
    ("inseparable", {"rest": 0.2}),
    ("check_baseline", {"timed_ms": 12.0, "parts_ms": 10.0}),
    ("check_rounds", {"timed_ms": 22.5, "parts_ms": 18.0}),
    ("check_profile", {"timed_ms": 22.5, "profiled_ms": 18.0}),
    ("check_profile", {"timed_ms": 18.0, "profiled_ms": 22.5}),
    ("check_width", {"width": 5, "v": 1.2, "profiled_v": 1.0}),
    ("check_draft", {"c": 0.1, "profiled_c": 0.075}),
    ("check_draft", {"c": 0.0024, "profiled_c": 0.0022}),
    ("check_machine", {"fastest_ms": 10.0, "slowest_ms": 13.0}),
    ("check_noise", {"width": 0.2}),
    ("check_again", {}),
    ("check_first", {"unexplained": 0.6}),
    ("draft", {"c": 0.1, "better_c": 0.05, "speedup": 2.0625, "k": 4}),
    ("width", {"width": 5, "v": 1.2, "gained": 0.229}),
    ("width", {"width": 5, "v": 1.004, "gained": 0.006}),
    ("overhead", PARTS | {"gained": 0.229}),
    ("overhead", PARTS | {"drafting": -0.05, "other": 0.13, "gained": 0.229}),
    ("overhead_unknown", PARTS | {"total": -0.1}),
    ("acceptance", {"alpha": 0.7, "break_even": 0.41}),
    ("acceptance", {"alpha": 0.4113, "break_even": 0.41}),
    ("acceptance", {"alpha": 0.7, "break_even": 0.001}),
    ("acceptance", {"alpha": 0.7, "break_even": 0.41, "better_alpha": 0.85, "speedup": 2.06}),
    ("acceptance", {"alpha": 0.7, "speedup_at_1": 0.68}),
    ("reach", {"wanted": 1.8, "c": 0.1, "k": 4, "needed_c": 0.035, "speedup_when_free": None}),
    ("reach", {"wanted": 1.8, "c": 0.151, "k": 4, "needed_c": 0.149, "speedup_when_free": None}),
    ("reach", {"wanted": 2.0, "c": 0.1, "k": 4, "needed_c": None, "speedup_when_free": 1.9972}),
    ("counts", {"counted": 2.5, "expected": 2.77}),
    ("counts", {"counted": 3.0, "expected": 2.77}),
    ("prompt", {"whole": 1.39, "measured": 1.54}),
    ("best_k", BEST),
    ("best_k", BEST | {"is_measured": False}),
    ("best_k", BEST | {"is_hidden": True}),
    ("best_k", BEST | {"gained": 0.0004}),
    ("best_k", BEST | {"tried": 1.3}),
    ("best_k", BEST | {"best_k": 2}),
    ("best_k", BEST | {"best_k": 2, "is_largest": True}),
    ("no_k_pays", {"alpha": 0.9, "c": 1.5}),
    ("no_k_pays", {"alpha": 0.45, "c": 0.3, "k": 1, "break_even": 0.6}),
    ("no_k_pays", {"alpha": 0.4523, "c": 0.3, "k": 1, "break_even": 0.4547}),
    ("no_k_pays", {"alpha": 0.39, "c": 0.3, "k": 1, "break_even": 0.4, "slope": 0.1}),
]  # fmt: skip

DRAFTED = {"num_accepted_draft_tokens": 17, "num_draft_tokens": 24, "acceptance_histogram": [1, 0, 1, 2, 3]}
RESULT = SimpleNamespace(
    is_speculative=True, alpha_hat=0.81, tokens_per_step=3.43, finish_reason="length", **DRAFTED
)
UNJUDGED = SimpleNamespace(is_speculative=True, alpha_hat=None, finish_reason="eos")
ALONE = SimpleNamespace(is_speculative=False, alpha_hat=None, finish_reason="length")
RUN = Path("runs/pocket.jsonl")
TARGET = {"name": "a/b", "dtype": "float32", "device": "cpu"}
SWEPT = {"done": ["a"], "recorded": ["b", "c"], "failed": ["d"], "skipped": ["e"], "folder": "runs/pocket"}
FAILED_ALL = SWEPT | {"done": [], "recorded": []}
NEEDS = {"float32": 14.96, "bfloat16": 7.48, "int4": 0.0001}

CALLS: dict[ModuleType, dict[str, list[tuple[Any, ...]]]] = {
    explain: {
        "interpolated": [([4],), ([2, 4],)],
        "rounds_line": [(3.76, 3.78), (1.0004, 1.0)],
        "listed": [([1, 2, 4],)],
    },
    lossless: {
        "seen_uniformity": [(0.0123, 0), (0.0123, 2)],
        "seen_accepted": [(1.234, 1.25, 0), (1.234, 1.25, 3)],
        "seen_differing": [(0, 8, 0), (2, 8, 1)],
        "why_few_drafts": [(1, 30), (7, 30)],
        "why_blind": [(40, 0.31, 0.25)],
        "joint_power": [(0.0271, 0.0352, 0.9999)],
        "mutant_unseen": [("resamples_p", "", "exact rows"), ("late", "two texts", "independence")],
        "gallery_says": [([True, True], [True], 1), ([True, False], [True, True], 3)],
    },
    sampled: {
        "few_answers": [(1,), (12,)],
        "cut_short": [("deadline", 600), ("interrupted", 300)],
        "power": [(0.0271, 27, 0.0352, 0.9999)],
        "off_by": [(0.05, 0.031, 0.0952), (0.02, 0.0, 0.086)],
    },
    greedy: {},
    cli: {
        "embedded_is_missing": [("pocket/target",)],
        "no_answer": [(2.5,)],
        "pairs_title": [(20.25, 23.4, "cpu")],
        "model_line": [
            ("a/b", "on the hub", 134_515_008, "bfloat16", "float32", 8192, True),
            ("a/b", "in a folder", None, "float32", "float32", None, False),
        ],
        "memory_line": [(NEEDS, 20.25, "cpu", "in"), ({}, 20.25, "cpu", "in")],
        "memory_in_words": [(14.96,), (0.0001,)],
        "draft_ends": [(2048,)],
        "drafter_raised": [("ValueError: no",)],
        "drafter_proposed": [("mine", 0, 3, "def f"), ("mine", 1, 1, "def f"), ("mine", 9, 3, "def f")],
        "not_applied_line": [("a/b", ["top_k 50", "repetition_penalty 1.1"])],
        "interrupted_after": [(1,), (12,)],
        "context_full_line": [("a/b", 2048, 12, 64)],
        "outcome_line": [
            (RESULT, False, True),
            (RESULT, True, True),
            (UNJUDGED, False, True),
            (ALONE, False, True),
            (ALONE, False, False),
        ],
        "speed_line": [(1.54, 154.0, 100.0), (None, 0.0, 0.0)],
        "same_texts_line": [(False, 24, None), (True, 24, None), (True, 24, 6)],
        "steps_title": [("a/b", "c/d", "token", 0.8)],
        "measuring_line": [(1, 1), (24, 1536)],
        "interrupted_keeping": [(RUN, True), (RUN, False)],
        "lines_above": [(RUN, 2, "explained")],
        "runs_line": [("r.jsonl", 1, TARGET), ("r.jsonl", 24, TARGET, "2 threads")],
        "explained_by": [("a1b2", RUN)],
        "tokens_that_agree": [(7, 8)],
        "compiled_in_the_clock": [(1, "SD-K4"), (3, "SD-K4")],
        "ids_that_agree": [(7, 8)],
        "ids_that_differ": [
            ("a and b", "from token 7 on", None, None),
            ("a and b", "from token 7 on", 3e-5, True),
            ("a and b", "from token 7 on", 0.4, False),
        ],
        "interrupted_training": [(Path("runs/train"),)],
        "checkpoint_has_no_room": [(Path("runs/train"),)],
        "training_line": [(2.3456, {"draft": 2.5}, 3e-4, 12345.6)],
        "time_left_line": [(75.0,)],
    },
    views: {
        "about": [(42.4,), (200.0,), (7500.0,)],
        "cells_recorded": [(1, 24), (3, 24)],
        "cell_failed": [(3, "n.ipynb: ValueError: no", None), (3, "n.ipynb: no", Path("runs/a.ipynb"))],
        "failed_again": [(False,), (True,)],
        "interrupted": [(Path("runs/pocket"), 3, 24)],
        "planned": [
            (0, 0, 0.0, False, RUN), (1, 0, 30.0, True, RUN), (24, 0, 300.0, False, RUN),
            (0, 1, 0.0, False, RUN), (3, 8, 30.0, True, RUN),
        ],
        "compiling_took": [({"ours-AR-compiled": "30 s", "ours-K4-compiled": "5 s"},)],
        "texts_cut": [(1, ["llama.cpp"]), (3, ["openvino", "openvino-K4"])],
        "came_of": [(SWEPT,), (SWEPT | {"done": [], "failed": [], "skipped": []},), (FAILED_ALL,)],
    },
    **{room: {} for room in (sweep, cluster)},
    results: {
        "many": [(1, "cell"), (12_000, "cell")],
        "found": [(12_000, 12_000, [RUN]), (4, 12, [RUN, RUN])],
        "none_done": [(RUN,), (RUN, 1, RUN), (RUN, 10, RUN)],
        "all_share": [("dtype float32, batch 1",)],
        "by_value": [("K", {"1": 4, "2": 12_000}), ("K", {str(k): 1 for k in range(10)})],
        "more_cells": [(1,), (12_000,)],
        "other_kinds": [({"run": 1},), ({"run": 12_000, "costs": 1}, True)],
        "repeated": [(1,), (12_000,)],
        "not_pooled": [(3,)],
        "one_machine": [("A", "a processor, 2 cores", 1, None), ("B", "a GPU", 12_000, "cores 2 is now 8")],
        "merged_into": [(RUN, 12_000)],
        "measured_again": [(1,), (2,)],
        "exported_to": [(RUN, 12_000, 41)],
        "more_lines": [(12_000,)],
        "lines_are_none": [(1, "listed"), (12_000, "merged")],
    },
    **{room: {} for room in (models, architecture, caches, fast, files, gguf, ollama, text, viz, report)},
    **{room: {} for room in (sweep,)},
    **{room: {} for room in (foreign, counters)},
    **{room: {} for room in (models, architecture, caches, fast, files, gguf, ollama, text, viz, panels)},
    **{room: {} for room in (decoding, drafters, grammar, heads, lengths)},
    http: {},
    servers: {},
    audit: {},
    branches: {},
    hugging_face: {},
    auditing: {},
    export: {},
    peers: {},
    engines: {},
}  # fmt: skip


def words() -> str:
    """Every sentence under the name of what says it."""
    told = [*_constants(questions), *_constants(explain)]
    told += [(f"explain.{key}", explain.sentence(key, **numbers)) for key, numbers in ADVICE]
    for module, calls in CALLS.items():
        told += _constants(module) if module is not explain else []
        room = module.__name__.split(".")[-2]
        told += [(f"{room}.{name}", getattr(module, name)(*args)) for name in calls for args in calls[name]]
    return "".join(f"{name}\n    {sentence}\n" for name, sentence in told)


def _constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    room = module.__name__.split(".")[-2]
    for name, value in vars(module).items():
        if name.isupper() and not name.startswith("_"):
            yield from _strings(f"{room}.{name}", value)


def _strings(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _strings(f"{name}.{key}", one)
    elif isinstance(value, tuple):
        for field, one in value._asdict().items():
            yield from _strings(f"{name}.{field}", one)


def test_the_words_are_those_that_were_read() -> None:
    assert words().splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("module", CALLS, ids=lambda module: module.__name__.split(".")[-2])
def test_no_sentence_is_without_an_example(module: ModuleType) -> None:
    own = {
        name
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if one.__module__ == module.__name__
    }
    assert {name for name in own if not name.startswith("_")} - {"sentence"} == set(CALLS[module])


def test_no_advice_is_without_an_example() -> None:
    assert {key for key, _ in ADVICE} == {*explain._PLAIN, *explain._CHOSEN}


def _filled_templates() -> Iterator[tuple[str, str, ast.Call]]:
    """Where a template is filled, the template, and the call that does."""
    for path in sorted(LIBRARY.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        homes = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                 and any(alias.name == "sentences" for alias in node.names)]  # fmt: skip
        for call in ast.walk(tree):
            match call:
                case ast.Call(func=ast.Attribute(ast.Attribute(ast.Name("sentences"), name), "format")):
                    place = f"{path.relative_to(LIBRARY)}:{call.lineno}"
                    yield place, getattr(importlib.import_module(f"{homes[0]}.sentences"), name), call


def test_a_template_is_filled_by_as_many_words_as_it_has_places() -> None:
    """``format`` passes over what is too much in silence; what is too little is an error about an error."""
    wrong, filled = [], 0
    for place, template, call in _filled_templates():
        places = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        given = (len(call.args), {keyword.arg for keyword in call.keywords})
        wrong += [] if given == (places.count(""), {*places} - {""}) else [place]
        filled += 1
    assert wrong == [] and filled > 100


def _says(node: ast.AST) -> bool:
    """Whether somebody reads what is in it: the words of an error or of a warning."""
    is_warning = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".warning")
    return is_warning or (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call))


FILES = ("cost_aware", "decoder", "draft_length", "ending", "prompt", "sampling", "trace")
ROOMS = ["models", "viz", "decoding/drafters", "decoding/lengths", *(f"decoding/{name}.py" for name in FILES)]


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_says_is_in_its_sentences(room: str) -> None:
    home = LIBRARY / room
    assert home.exists()
    said = [
        f"{path.relative_to(LIBRARY)}:{part.lineno}: {part.value}"
        for path in ([home] if home.is_file() else sorted(home.rglob("*.py")))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _says(node)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value.split()) > 1
    ]
    assert said == []


if __name__ == "__main__":
    GOLDEN.write_text(words(), encoding="utf-8")
