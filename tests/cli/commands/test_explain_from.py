"""``specdec explain --from``: another engine's numbers, from its file to the screen."""

from __future__ import annotations

import json
from pathlib import Path

import foreign_samples as samples
import pytest
from listener import listening, whole

RECORDED = Path(__file__).resolve().parents[3] / "data" / "results" / "foreign"


def told_by(outcome) -> tuple[int, str, str]:
    return outcome.code, outcome.out, outcome.err


@pytest.fixture
def scrape(tmp_path):
    (tmp_path / "metrics.txt").write_text(samples.VLLM, encoding="utf8")
    return str(tmp_path / "metrics.txt")


TIMES = ("--step-plain", "15", "--step", "21", "--draft-step", "1.2")


def test_the_tables_and_the_sentences_fit_into_80_columns(specdec, scrape, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = told_by(specdec("explain", "--from", scrape, *TIMES))
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    for words in ("0.769", "0.685 to 0.836", "3.250", "verification and rest", "2.32×", "K c + v(K) + o"):
        assert words in " ".join(out.split()), words


def test_json_is_one_document_with_counts_terms_and_sentences(specdec, scrape):
    code, out, _ = told_by(specdec("explain", "--from", scrape, *TIMES, "--json"))
    told = json.loads(out)
    assert code == 0 and told["engine"] == "vllm" and told["cost"] == 1.4
    assert {one["key"] for one in told["definitions"]} >= {"alpha", "acceptance_length", "by_reached"}
    assert told["terms"][0]["term"] == "free draft" and told["advice"][0]["key"] == "verdict"


def test_two_scrapes_are_subtracted_and_a_server_is_asked(specdec, scrape, tmp_path):
    later = tmp_path / "later.txt"
    later.write_text(samples.VLLM.replace('name="m/a b"} 40.0', 'name="m/a b"} 41.0'), encoding="utf8")
    code, _, err = told_by(specdec("explain", "--from", scrape, "--from", str(later)))
    assert code == 2 and "Traceback" not in err and err.count("\n") == 1  # one draft, and nothing in it
    code, _, err = told_by(specdec("explain", "--from", scrape, "--from", scrape))
    assert code == 2 and "no draft was verified in it" in err
    recorded = [str(RECORDED / f"{name}.prom") for name in ("before", "after")]
    code, out, _ = told_by(specdec("explain", "--from", recorded[0], "--from", recorded[1], "--json"))
    assert code == 0 and json.loads(out)["engine"] == "llama.cpp" and json.loads(out)["cost"] is None
    with listening(whole(samples.LLAMA.encode())) as server:
        code, out, _ = told_by(specdec("explain", "--from", server.url, "--json"))
    assert code == 0 and json.loads(out)["engine"] == "llama.cpp"


def test_what_to_do_stands_before_the_tables(specdec, scrape):
    out = specdec("explain", "--from", scrape, *TIMES).out
    places = [out.index(words) for words in ("2.32×", "Where it goes", "mean acceptance length")]
    assert places == sorted(places)


def test_without_times_nothing_is_said_of_costs_and_what_is_unknown_has_no_row(specdec, tmp_path):
    (tmp_path / "answer.json").write_text(json.dumps(samples.LLAMA_ANSWER), encoding="utf8")
    code, out, _ = told_by(specdec("explain", "--from", str(tmp_path / "answer.json")))
    assert code == 0 and "K c + v(K) + o" not in out and " ? " not in out
    assert "not determined: α, accepted of judged tokens" in " ".join(out.split())


def test_a_page_of_html_is_called_one(specdec, scrape, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>\n<title>metrics</title>\n", encoding="utf8")
    for sources in ((page,), (scrape, page), (page, scrape)):
        named = [word for source in sources for word in ("--from", str(source))]
        code, out, err = told_by(specdec("explain", *named))
        assert (code, out) == (2, "") and "is a page of HTML" in err and err.count("\n") == 1
    with listening(whole(b"<html></html>")) as server:
        code, _, err = told_by(specdec("explain", "--from", server.url))
    assert code == 2 and "is a page of HTML" in err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--temperature", "0"), "temperature is of a results file of ours"),
        (("--pair", "pocket"), "pair is of a results file of ours"),
        (("--step-plain", "0"), "step-plain"),
        (("--k", "0"), "k"),
        (("--step", "5"), "--step-plain"),
    ],
)
def test_what_does_not_go_together_is_one_line(specdec, scrape, more, words):
    code, out, err = told_by(specdec("explain", "--from", scrape, *more))
    assert (code, out) == (2, "") and words in err and err.count("\n") == 1


def test_a_time_without_counters_is_refused(specdec):
    code, _, err = told_by(specdec("explain", "--step-plain", "5"))
    assert code == 2 and "give its counters with --from" in err


def test_names_of_files_and_labels_cannot_write_on_the_terminal(specdec, tmp_path):
    odd = tmp_path / "a\x1b[31m.txt"
    odd.write_text(samples.VLLM, encoding="utf8")
    code, out, _ = told_by(specdec("explain", "--from", str(odd)))
    assert code == 0 and "\x1b" not in out
