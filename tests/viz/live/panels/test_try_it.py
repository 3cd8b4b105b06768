"""*Try it* without a browser: the order of what happens, Stop, errors, and texts that mean harm."""

from __future__ import annotations

import itertools
import threading

import pytest

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.lengths.specs import LengthCosts
from specdec_lib.lossless.replays.annotated import load_annotated
from specdec_lib.models.loader import load_pair
from specdec_lib.utils.paths import data_path
from specdec_lib.viz.live.panels.fields import PairFields
from specdec_lib.viz.live.panels.shelf import Held, Told, pairs_by_place
from specdec_lib.viz.live.panels.trial import TriedText, counts_html, text_html
from specdec_lib.viz.live.panels.try_it import TryIt
from specdec_lib.viz.live.panels.trying import Compared, Stepped, Written, read_wish, try_out
from specdec_lib.viz.live.panels.worker import Ended, Interrupted

LONG = 120


@pytest.fixture
def panel(shelf):
    made = TryIt(prompt="def add(a, b):\n", shelf=shelf)
    assert made.widget.children
    made._num_tokens.value = 12
    yield made
    made.stop()
    assert made.wait(30)


def ran(panel: TryIt) -> str:
    assert panel.run() and panel.wait(60)
    return panel._status.value


def test_a_run_reads_the_models_writes_compares_and_steps_in_this_order(panel):
    assert "done" in ran(panel)
    kinds = [kind for kind, _ in itertools.groupby(map(type, panel.heard))]
    assert kinds == [Held, Written, Compared, Stepped, Ended]
    compared = [event for event in panel.heard if isinstance(event, Compared)]
    assert [event.is_done for event in compared] == [*[False] * (len(compared) - 1), True]
    assert compared[-1].num_tokens == panel.trial.num_tokens == 12
    (stepped,) = (event for event in panel.heard if isinstance(event, Stepped))
    assert len(stepped.trace.rounds) == panel.trial.num_rounds
    assert "StepThroughWidget" in repr(panel._steps.children[0])


def test_the_text_is_the_targets_own_and_its_counts_are_those_of_its_rounds(panel):
    ran(panel)
    loaded = load_pair("pocket")
    ids = loaded.target.encode(panel.prompt)
    plain = AutoregressiveDecoder(loaded.target).generate(ids, 12, 0.0)
    assert panel.trial.text == loaded.target.continuation(ids, plain.generated_ids)
    rounds = [event for event in panel.heard if isinstance(event, Written)]
    assert panel.trial.num_accepted == sum(event.num_accepted for event in rounds)
    assert panel.trial.num_drafted == sum(event.num_drafted for event in rounds)


def test_stop_ends_the_text_at_the_next_round_and_another_can_begin(panel):
    panel._num_tokens.value = LONG
    first = threading.Event()
    hear = panel._worker._hear
    panel._worker._hear = lambda event: (hear(event), isinstance(event, Written) and first.set())
    assert panel.run() and first.wait(30)
    assert panel.run() is False and "stop it first" in panel._status.value
    panel.stop()
    assert panel.wait(30)
    assert panel.trial.num_tokens < LONG and "stopped after" in panel._status.value
    assert panel.heard[-1] == Ended("stopped")
    assert panel._stop.disabled and not panel._run.disabled
    panel._num_tokens.value = 4
    assert "done" in ran(panel)


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("draft", "lokup", "did you mean lookup?"),
        ("target", "/no/such/folder", "does not exist"),
        ("_k", "cost-awre", "did you mean cost-aware?"),
        ("_k", "0", "draft length is"),
        ("_prompt", "", "the prompt is empty"),
        ("_prompt", "a b c " * 2000, "shorten it"),
    ],
)
def test_what_cannot_be_is_one_line_in_the_panel(panel, field, value, line):
    fields = dict(zip(("pair", "target", "draft"), panel.fields.widgets, strict=True))
    if field == "target":
        fields["draft"].value = "lookup"
    (fields[field] if field in fields else getattr(panel, field)).value = value
    panel.run()
    assert panel.wait(60)
    assert line in panel._status.value.replace("&#x27;", "'") and "sp-error" in panel._status.value
    assert "Traceback" not in panel._status.value and "\n" not in panel._status.value
    assert not panel._run.disabled


def test_a_policy_is_opened_by_what_was_handed_in(shelf):
    asked = []

    def open_length(spec, target, draft, ids):
        asked.append((str(spec), target.name, len(ids)))
        return spec.open(LengthCosts(0.1, dict.fromkeys(spec.lengths, 1.0)))

    wish = read_wish("pocket", "", "", "cost-aware", "def f", num_tokens=4)
    lines = [e.line for e in try_out(wish, shelf, threading.Event(), open_length) if isinstance(e, Told)]
    assert asked == [("cost-aware", "pocket-target", len(shelf.load(wish.asked).target.encode("def f")))]
    assert any("measuring" in line for line in lines)
    guessed = [e.line for e in try_out(wish, shelf, threading.Event()) if isinstance(e, Told)]
    assert any("guessed" in line for line in guessed)


def test_a_draft_that_is_no_model_writes_and_says_why_it_shows_no_steps(panel):
    panel.fields.widgets[2].value = "lookup"
    assert "done" in ran(panel)
    (stepped,) = (event for event in panel.heard if isinstance(event, Stepped))
    assert stepped.trace is None and "lookup" in stepped.why


def test_a_draft_that_is_changed_leaves_the_target_where_it_is(shelf):
    of_pair, with_lookup = (read_wish("pocket", None, draft, "4", "a") for draft in (None, "lookup"))
    target = shelf.load(of_pair.asked).target
    assert shelf.load(with_lookup.asked).target is target
    assert not shelf.holds(of_pair.asked) and shelf.holds(with_lookup.asked)


def test_who_waits_for_the_models_can_be_stopped(shelf):
    stopped, heard = threading.Event(), []
    wish = read_wish("pocket", None, None, "4", "a")
    with shelf.turn(threading.Event()):
        waiting = try_out(wish, shelf, stopped)
        heard.append(next(waiting))
        stopped.set()
        with pytest.raises(Interrupted):
            next(waiting)
    assert "another panel" in heard[0].line


def test_models_that_are_read_ahead_are_waited_for_without_a_word(shelf):
    with shelf.turn(threading.Event(), ahead=True):
        assert not shelf.is_in_use
    with shelf.turn(threading.Event()):
        assert shelf.is_in_use


def test_a_pair_is_locked_while_a_target_is_named():
    pair, target, _ = PairFields(target="a", draft="b").widgets
    assert pair.disabled
    target.value = ""
    assert not pair.disabled
    target.value = "gpt2"
    assert pair.disabled


def test_the_embedded_pairs_are_offered_first():
    assert pairs_by_place()[:3] == ["pocket", "pocket_self", "pocket_foreign"]


# -- what is seen ------------------------------------------------------------------------------------


def test_hostile_texts_stay_text():
    trial = TriedText("<script>alert(1)</script>")
    trial.add(
        Written((("</span><img src=x onerror=1>", "accepted"), ("\u202e\n", "corrected")), 3, 1, 2, 0.1)
    )
    shown = text_html(trial)
    assert "<script" not in shown and "<img" not in shown and "&lt;script&gt;" in shown
    assert "\u202e" not in shown and "\\x202e⏎\n" in shown


def test_each_kind_has_a_mark_of_its_own_and_a_name_in_the_legend():
    trial = TriedText("p")
    trial.add(Written((("a", "accepted"), ("b", "corrected")), 3, 1, 2, 0.1))
    trial.add(Written((("c", "autoregressive"),), 0, 0, 1, 0.1))
    shown = text_html(trial)
    for kind in ("prompt", "accepted", "corrected", "bonus", "autoregressive"):
        assert f'class="sp-{kind}"' in shown
    assert 'class="sp-autoregressive"' not in text_html(TriedText("p"))


def test_counts_are_those_of_the_rounds_and_a_speedup_waits_for_the_baseline():
    trial = TriedText("p")
    trial.add(Written((("a", "accepted"), ("b", "corrected")), 4, 1, 2, 0.5))
    trial.add(Written((("a", "accepted"), ("b", "bonus")), 1, 1, 2, 0.5))
    assert (trial.num_rounds, trial.num_drafted, trial.num_accepted, trial.num_rejecting) == (2, 5, 2, 1)
    assert trial.alpha.startswith("0.67 (") and "×" not in trial.speeds
    trial.add(Compared(4, 2.0, True))
    assert trial.speeds == "4.0 tokens/s with speculation, 2.0 without: 2.00×"
    assert "5 drafted, 2 accepted" in counts_html(trial)


def test_a_recorded_text_says_what_its_rounds_say():
    trace = load_annotated(data_path("results", "traces.jsonl"))[2]
    trial = TriedText.of(trace)
    assert trial.num_rounds == len(trace.rounds) and trial.num_accepted == sum(
        r.num_accepted for r in trace.rounds
    )
    assert "×" not in counts_html(trial), "its rounds were taken apart to be timed"
    page = TryIt(recorded=[trace]).static()
    assert "make lab" in page and 'id="steps-' in page and page == TryIt(recorded=[trace]).static()
