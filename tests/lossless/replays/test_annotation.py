"""An annotated round says what the verdict was made from, and a trace survives its file."""

from __future__ import annotations

import json

import pytest
from tiny_models import tiny_pair
from worked_round import DRAFT as Q
from worked_round import TARGET as P
from worked_round import WORDS

from specdec_lib import SamplingParams, SpeculativeDecoder
from specdec_lib.decoding.trace import Round
from specdec_lib.errors import RecordError
from specdec_lib.lossless.replays.annotated import AnnotatedTrace, load_annotated
from specdec_lib.lossless.replays.annotation import annotate, annotate_round


def worked_round(**options):
    round_ = Round(
        token_ids=[2, 3, 3],
        kind="corrected",
        draft_ids=[2, 3, 4, 0],
        num_accepted=2,
        uniforms=[0.43, 0.61, 0.73, 0.5],
        target_cache_length=4,
        draft_cache_length=4,
    )
    return annotate_round(P, Q, round_, WORDS.__getitem__, text_length=2, held=(1, 1), **options)


def test_the_worked_round_has_its_ratios_residual_and_cache_lengths():
    found = worked_round()
    assert [place.threshold for place in found.places[:3]] == [1, 1, pytest.approx(0.617, abs=5e-4)]
    assert [place.outcome for place in found.places] == ["accepted", "accepted", "rejected", "dropped"]
    assert found.num_accepted == 2
    assert found.following.mass == pytest.approx(0.31)
    residual = {share.token: share.r for share in found.following.shares}
    assert residual == pytest.approx(dict(zip(WORDS, (0.129, 0.065, 0, 0.806, 0), strict=True)), abs=5e-4)
    assert found.target_cache == [1, 6, 4] and found.draft_cache == [1, 5, 4]


def test_block_verification_has_thresholds_and_a_scaled_residual_of_its_own():
    found = worked_round(verifier="block")
    assert found.places[0].prefix == 1 and found.places[2].prefix == pytest.approx(0.617, abs=5e-4)
    scaled = (P[2] - Q[2]).clamp_min(0).sum()  # p_2 is 1 here, so the scale is too
    assert found.following.mass == pytest.approx(float(scaled))
    assert found.places[3].threshold == pytest.approx(found.places[3].prefix)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("verifier", ["token", "block"])
def test_the_annotation_of_a_run_agrees_with_the_run(temperature, verifier):
    target, draft = tiny_pair("llama", noise=0.3)
    decoder = SpeculativeDecoder(target, draft, k=3, verifier=verifier)
    run = decoder.generate([5, 6, 7], 24, temperature, seed=4, ignore_eos=True, trace=True, profile=True)
    told = annotate(target, draft, run.trace, SamplingParams(temperature), verifier=verifier)
    assert [r.num_accepted for r in told.rounds] == [round_.num_accepted for round_ in run.trace.rounds]
    text = [token for r in told.rounds for token in _emitted(r)]
    assert text == [f"<{token}>" for token in run.generated_ids]
    for round_, recorded in zip(told.rounds, run.trace.rounds, strict=True):
        for place, p in zip(round_.places, recorded.target_picked, strict=False):
            assert place.p == pytest.approx(p, abs=1e-4)
        if verifier == "token":
            for place in round_.places[: round_.num_accepted]:
                assert place.uniform is None or place.uniform < place.threshold
        for shares in [place.shares for place in round_.places] + [round_.following.shares]:
            assert sum(share.p for share in shares) == pytest.approx(1, abs=1e-3)
        phases = {name: round(ms, 3) for name, ms in recorded.phases_ms.items()}
        rest = round(max(0.0, 1e3 * recorded.seconds - sum(phases.values())), 3)
        assert round_.phases_ms == {**phases, "other": rest}
    held = [(0, 0)] + [(r.target_cache[2], r.draft_cache[2]) for r in told.rounds]
    assert [(r.target_cache[0], r.draft_cache[0]) for r in told.rounds] == held[:-1]


def _emitted(found):
    accepted = [place.token for place in found.places if place.outcome == "accepted"]
    return [*accepted, found.following.token]


def test_a_text_that_ends_inside_its_draft_has_nothing_that_follows():
    round_ = Round(token_ids=[2], kind="corrected", draft_ids=[2], num_accepted=1, uniforms=[0.1])
    found = annotate_round(P[:2], Q[:1], round_, WORDS.__getitem__)
    assert found.following.kind == "ended" and found.following.token == ""


def test_a_trace_survives_its_file(tmp_path):
    trace = AnnotatedTrace("t", ["a\u2028b"], [worked_round()], choice={"text": "code"})
    path = tmp_path / "traces.jsonl"
    path.write_text(trace.to_json() + "\n" + trace.to_json() + "\n", encoding="utf8")
    assert load_annotated(path) == [trace, trace]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rounds": [1]}', '{"rounds": [{"places": 3}]}'])
def test_anything_else_is_refused(text):
    with pytest.raises(RecordError, match="AnnotatedTrace"):
        AnnotatedTrace.from_json(text)


def test_an_unknown_field_and_a_missing_file_are_refused(tmp_path):
    raw = json.loads(AnnotatedTrace("t", [], [worked_round()]).to_json())
    with pytest.raises(RecordError):
        AnnotatedTrace.from_json(json.dumps(raw | {"surprise": 1}))
    with pytest.raises(RecordError, match="cannot be read"):
        load_annotated(tmp_path / "none.jsonl")
