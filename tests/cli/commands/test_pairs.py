"""``specdec pairs``."""

from __future__ import annotations

from specdec_lib.models.registry import REGISTRY


def test_the_table_names_every_pair_and_model_whole_at_80_columns(specdec) -> None:
    shown = specdec("pairs")
    assert shown.code == 0 and max(map(len, shown.out.splitlines())) <= 80
    for pair in REGISTRY.values():
        for name in (pair.pair_name, pair.target_model_id, pair.draft_model_id, pair.draft_dtype):
            assert f" {name} " in shown.out
    assert shown.out.count("translated, gated") == 2 and "embedded, default" in shown.out


def test_json_holds_the_registry(specdec) -> None:
    pairs = specdec("pairs", "--json").document["pairs"]
    assert [pair["pair_name"] for pair in pairs] == list(REGISTRY)
    assert pairs[0]["target_model_id"] == "pocket-target" and pairs[0]["target_dtype"] == "float32"
