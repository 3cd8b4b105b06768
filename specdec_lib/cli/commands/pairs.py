"""``specdec pairs``: the registry as a table. It reads no weights and asks nobody."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from specdec_lib.cli import options
from specdec_lib.cli.sentences import HOW_TO_NAME
from specdec_lib.cli.terminal import Prose, console_for, print_json, safe_table, text
from specdec_lib.models.registry import DEFAULT_PAIR, REGISTRY, ModelPair

NAME = "pairs"
EXAMPLE = "specdec pairs --json"
_COLUMNS = ("pair", "role", "model", "dtype")


def run(as_json: options.Json = False) -> None:
    """List the pairs of a draft and a target that are known by name."""
    pairs = list(REGISTRY.values())
    if as_json:
        print_json({"pairs": [{**asdict(pair), "note": note(pair)} for pair in pairs]})
        return
    console = console_for()
    rows = (row for pair in pairs for row in _rows(pair))
    console.print(safe_table("Pairs of a draft and a target", _COLUMNS, "llll", rows))
    console.print(Prose(HOW_TO_NAME, "dim"))


def note(pair: ModelPair) -> str:
    """What to know before a pair is chosen, in a few words; empty where there is nothing."""
    if not pair.shares_vocabulary:
        return "translated" + (", gated" if pair.gated else "")
    if pair.pair_name == DEFAULT_PAIR:
        return "embedded, default"
    if pair.is_self:
        return "self draft" + (", gated" if pair.gated else "")
    return "gated" if pair.gated else ""


def _rows(pair: ModelPair) -> list[list[Any]]:
    return [
        [text(pair.pair_name, "bold"), "target", pair.target_model_id, pair.target_dtype],
        [text(note(pair), "dim"), "draft", pair.draft_model_id, pair.draft_dtype],
    ]
