"""What is recorded for the step-through is the run that the seed gives, with its baseline beside it."""

from __future__ import annotations

from tiny_models import tiny_pair

from specdec_lib import AutoregressiveDecoder, SpeculativeDecoder
from specdec_lib.bench.measure.annotated import record_annotated


def test_a_recorded_generation_is_the_decoders_own():
    target, draft = tiny_pair("llama", noise=0.3)
    options = {"seed": 7, "ignore_eos": True}
    told = record_annotated(target, draft, [3, 4, 5], 12, k=3, temperature=0.7, seed=7, choice={"text": "x"})
    run = SpeculativeDecoder(target, draft, k=3).generate([3, 4, 5], 12, 0.7, **options)
    assert [r.num_accepted for r in told.rounds] == run.accepted_per_round + [0] * (
        len(told.rounds) - len(run.accepted_per_round)
    )
    assert told.temperature == told.laws_at == 0.7 and told.choice == {"text": "x"}
    assert told.baseline_ms > 0 and told.baseline_first_ms > 0
    assert told.about["k"] == 3 and told.about["dtype"] == "float32"


def test_a_greedy_text_is_the_baselines():
    target, draft = tiny_pair("gpt2", noise=0.3)
    told = record_annotated(target, draft, [3, 4, 5], 10, k=2)
    text = []
    for one in told.rounds:
        text += [place.token for place in one.places if place.outcome == "accepted"]
        text.append(one.following.token)
    plain = AutoregressiveDecoder(target).generate([3, 4, 5], 10, 0.0, ignore_eos=True)
    assert text == [f"<{token}>" for token in plain.generated_ids]
    assert told.laws_at == 1.0
