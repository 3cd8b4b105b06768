"""Ratios by domain, and without texts that end in a loop: of a comparison made by arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from specdec_lib.bench.records.kinds import PeerRecord, Record
from specdec_lib.bench.tables import domains
from specdec_lib.bench.tables.domains import (
    ALL_TEXTS,
    NO_LOOPS,
    domain_ratios,
    domain_table,
    looping_texts,
)
from specdec_lib.errors import RecordError
from tests.bench import comparisons

LOOP = [7] * 20


def records() -> list[Record]:
    """Two domains of two prompts; the second conversation loops, in which drafting is twice as fast."""
    return list(map(with_loop, comparisons.comparison(temperatures=(0.0, 0.8))))


def with_loop(record: Record) -> Record:
    if not isinstance(record, PeerRecord) or record.prompt_id != "conversation_001":
        return record
    slow = 1 if record.decoder == "ours-K4-compiled" else 2
    looping = {"generated_ids": LOOP, "total_time": record.result.total_time * slow}
    return record | {"result": record["result"] | looping}


def by_part(rows) -> dict[tuple[str, str], dict]:
    return {(row["domain"], row["texts"]): row for row in rows}


def test_a_text_that_loops_is_found_by_its_prompt():
    assert looping_texts(records()) == {"conversation_001"}


def test_the_best_of_ours_stands_over_the_best_plain_decoding_of_anybody():
    rows = by_part(domain_ratios(records(), draws=20))
    assert set(rows) == {(d, t) for d in ("all", "code", "conversation") for t in (ALL_TEXTS, NO_LOOPS)}
    for row in rows.values():
        assert (row["above"], row["below"]) == ("ours-K4-compiled", "ours-AR-compiled")
    assert rows["code", ALL_TEXTS]["ratio"] == rows["code", NO_LOOPS]["ratio"] == pytest.approx(2.0)
    # 10 tokens in 0.4 s and 20 in 1.6 s, over 10 in 0.2 s and 20 in 0.4 s
    assert rows["conversation", ALL_TEXTS]["ratio"] == pytest.approx(2.0 / 0.6)
    assert rows["conversation", NO_LOOPS]["ratio"] == pytest.approx(2.0)
    assert rows["all", ALL_TEXTS]["num_prompts"] == 4 and rows["all", NO_LOOPS]["num_prompts"] == 3


def test_every_arm_has_its_rate_and_what_its_rounds_brought():
    per_round = {"accepted_per_round": [4, 2], "drafted_per_round": [4, 4], "num_plain_rounds": 1}
    totals = {"num_speculation_rounds": 2, "num_draft_tokens": 8, "num_accepted_draft_tokens": 6}
    counts = per_round | totals
    made = [
        record | {"result": record["result"] | counts}
        if isinstance(record, PeerRecord) and record.decoder == "ours-K4"
        else record
        for record in records()
    ]
    rows = [row for row in domain_table(made, draws=20) if row["domain"] == "code"]
    assert [row["arm"] for row in rows if row["texts"] == ALL_TEXTS] == list(comparisons.ARMS)
    found = {row["arm"]: row for row in rows if row["texts"] == ALL_TEXTS}
    assert found["ours-AR-compiled"]["ratio"] == pytest.approx(1.0)
    assert found["hf-generate"]["ratio"] == pytest.approx(0.4)
    assert found["ours-K4"]["tokens_per_round"] == pytest.approx((6 + 3) / 3)
    assert found["ours-K4"]["acceptance_rate"] == pytest.approx(6 / 8)
    assert found["hf-lookup"]["tokens_per_round"] is None


def in_pair(record: PeerRecord, pair: str, session: str) -> Record:
    config = replace(record.config, model_pair_name=pair)
    told = {"config": config.to_dict(), "config_hash": config.config_hash()}
    return record | told | {"session": session}


def test_each_pair_has_its_newest_session():
    made = records()
    later = [record | {"session": "two"} for record in made]
    other = [in_pair(record, "mine", "three") for record in made if isinstance(record, PeerRecord)]
    found = domains.comparisons([*made, *later, *other])
    assert {name: {record.session for record in part} for name, part in found.items()} == {
        "pocket": {"two"},
        "mine": {"three"},
    }


def test_a_file_without_a_comparison_is_refused():
    with pytest.raises(RecordError, match="no comparison among the records"):
        domains.comparisons([])
