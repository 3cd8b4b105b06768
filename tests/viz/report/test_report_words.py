"""What to see: each sentence says what its rows say, and none is said without cause."""

from __future__ import annotations

from specdec_lib.viz.report import time_words, words
from specdec_lib.viz.report.findings import findings, of_comparison


def speed(domain: str, value: float, half: float = 0.1, **more):
    row = {"setup": "s", "domain": domain, "temperature": 0.0, "length": "4", "k": 4, "speedup": value}
    row |= {"low": value - half, "high": value + half, "has_interval": True}
    return row | {"num_identical": 8, "num_compared": 8} | more


def test_the_fastest_and_the_slowest_domain_are_named() -> None:
    told = words.of_speedups(
        [speed("code", 1.84), speed("chat", 1.15), speed("chat", 1.2), speed("all", 1.9)]
    )
    assert told == [
        "Code gains most: 1.84× (1.74–1.94) at K = 4, T = 0.",
        "Chat never exceeds 1.20×.",
        "No group is slower than its baseline.",
        "24 of 24 texts at temperature 0 have the baseline's ids.",
    ]


def test_losses_and_doubts_are_told() -> None:
    assert "1 of 2 groups is slower than its" in words.slower([speed("code", 0.8), speed("chat", 1.5)])
    assert "In no group" in words.slower([speed("code", 1.05)])
    alone = speed("code", 1.5, has_interval=False)
    assert words.of_speedups([alone])[0] == "Code gains: 1.50× (one text, no interval) at K = 4, T = 0."


def test_a_loss_is_no_gain_and_one_domain_is_not_the_most() -> None:
    assert words.gain([speed("code", 0.87), speed("chat", 0.6)]).startswith(
        "No domain gains; least slow is code, 0.87×"
    )
    assert words.gain([speed("code", 0.87)]).startswith("Code does not gain: 0.87×")
    setups = [speed("code", 0.87), speed("code", 0.7, setup="other")]
    told = findings({"speedups": setups, "predictions": [], "setups": []})
    assert told[0].startswith("No setup gains; least slow is s in code, 0.87×")
    assert told[1].startswith("All groups are slower")
    assert words.slower(setups[:1]).startswith("It is slower than its baseline")


def test_what_is_alike_is_told_once() -> None:
    rows = [text(0, 1.0, 1.0), text(1, 1.0, 1.0)]
    assert words.of_temperatures(rows) == ["In code α̂ is 100 % at T = 0 and at T = 1."]
    assert words.of_texts(rows) == ["Every text of code has α̂ = 100 %, at T = 0."]
    both = [text(0, 1.0, 1.0), text(0, 1.0, 1.0, "chat")]
    assert "100 % stay in every domain" in words.of_acceptance(both, [])[0]
    assert words.number_of(1, "text") == "1 text" and words.number_of(1200, "text") == "1,200 texts"


def test_a_draft_that_is_no_model_has_no_forwards() -> None:
    wide = {"model": "target", "width": 5, "ratio": 1.2, "over_target": 1.2}
    draft = {"model": "draft", "width": 1, "ratio": 1.0, "over_target": 0.01}
    assert "a draft forward costs 0.010" in time_words.of_forwards([wide, draft])[0]
    assert "draft forward" not in time_words.of_forwards([wide, draft], is_model=False)[0]
    assert time_words.of_forwards([wide])[0].endswith("forwards of one.")


def test_a_policy_is_called_by_its_name() -> None:
    assert words.k_words({"length": "cost-aware"}) == "cost-aware"


def text(temperature: float, low: float, high: float, domain: str = "code"):
    middle = (low + high) / 2
    interval = {"alpha_low": low, "alpha_high": high, "alpha_hat": middle, "alphas": [low, high]}
    return {"domain": domain, "temperature": temperature, **interval}


def test_temperature_changes_alpha_where_intervals_part() -> None:
    def told(*rows):
        return words.of_temperatures(list(rows))

    assert told(text(0, 0.8, 0.84), text(1, 0.6, 0.7)) == [
        "In code α̂ falls from 82 % at T = 0 to 65 % at T = 1."
    ]
    assert "rises" in told(text(0, 0.5, 0.6), text(1, 0.7, 0.8))[0]
    assert "overlap" in told(text(0, 0.5, 0.6), text(1, 0.55, 0.8))[0]
    assert told(text(0, 0.5, 0.6)) == []


def test_flat_and_bent_acceptance_are_told_apart() -> None:
    def told(last: float):
        places = {"temperature": 0.0, "domain": "code", "num_reached": 50}
        return words._by_position(
            [{**places, "position": i, "conditional": c} for i, c in ((1, 0.8), (4, last))]
        )[0]

    assert "nearly flat" in told(0.78) and "unlike" in told(0.5)


def predicted(difference: float, **more):
    place = {"domain": "code", "temperature": 0.0, "length": "4", "k": 4, "has_interval": True}
    return place | {"difference": difference, "is_inside": False, "has_overhead": True} | more


def test_where_the_prediction_is_off_is_told_with_its_side() -> None:
    below = words.of_predictions([predicted(-0.12), predicted(0.01, is_inside=True)])
    assert below[0] == "The prediction lies within the measured interval in 1 of 2 groups."
    assert "−12 %" in below[1] and "costs time" in below[1]
    assert "faster than predicted" in words.of_predictions([predicted(0.12)])[1]
    assert "within its interval" in words.of_predictions([predicted(0.12, is_inside=True)])[1]
    assert "upper bound" in words.of_predictions([predicted(0.1, has_overhead=False)])[-1]


def test_the_three_sentences_at_the_top() -> None:
    tables = {
        "speedups": [speed("code", 1.8), speed("chat", 1.2)],
        "predictions": [predicted(0.0, is_inside=True)],
        "setups": [],
    }
    told = findings(tables)
    assert len(told) == 3 and told[0].startswith("Code gains most") and told[2].startswith("The prediction")
    tables["speedups"].append(speed("prose", 1.1, num_identical=7))
    assert "23 of 24 texts" in findings(tables)[2]  # ids that differ come before a prediction
    assert findings({"speedups": [], "predictions": [], "setups": []}) == []


def test_of_several_setups_the_best_is_named() -> None:
    rows = [speed("code", 1.8), speed("code", 2.0, setup="other")]
    assert findings({"speedups": rows, "predictions": [], "setups": []})[0].startswith(
        "other: code gains most, 2.00×"
    )


def test_two_files() -> None:
    assert of_comparison([]) == ["No group is in both files: nothing can be compared."]
    row = {"draft": 0.8, "speedup": 0.8, "speedup_low": 0.7, "speedup_high": 0.9, "has_interval": True}
    row |= {"label": "code · T = 0 · K = 4", "speedup_a": 2.0, "speedup_b": 1.6}
    told = of_comparison([row])
    assert (
        "0.80 times" in told[0]
        and "rose in 0 of them and fell in 1" in told[1]
        and "2.00× → 1.60×" in told[2]
    )


def test_that_the_machine_changed_comes_first() -> None:
    setup = {"setup": "s", "has_changed": True, "baseline_low": 25.2, "baseline_high": 66.8}
    tables = {"speedups": [speed("code", 1.8)], "predictions": [], "setups": [setup]}
    told = "he machine changed between cells: the baseline ran at 25–67 tokens a second; "
    told += "compare ratios, not times."
    assert findings(tables)[0] == f"T{told}" and len(findings(tables)) == 4
    tables["setups"] = [setup | {"setup": "quiet", "has_changed": False}, setup]
    assert findings(tables)[0] == f"s: t{told}"
    assert findings(tables, [])[0] == f"s: t{told}"


def test_a_draft_is_told_beside_the_baseline_of_its_own_cells() -> None:
    def row(decoder: str, k: int, tpot: float, beside: str = ""):
        at = {"decoder": decoder, "k": k, "beside": beside, "temperature": 0.0, "tpot_ms": tpot}
        return at | {"p50_ms": tpot, "p99_ms": 2 * tpot, "ttft_ms": 3 * tpot}

    rows = [row("AR beside K = 2", 0, 12.5, "K = 2"), row("AR beside K = 4", 0, 32.0, "K = 4")]
    rows += [row("K = 2", 2, 6.5), row("K = 4", 4, 12.0)]
    assert "within 12 ms at K = 4 and within 32 ms without" in time_words.of_latencies(rows)[0]
    assert (
        "within 6.5 ms at K = 2 and within 12.5 ms without"
        in time_words.of_latencies([rows[0], *rows[2:]])[0]
    )
