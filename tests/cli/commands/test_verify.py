"""``specdec verify``: the verdict as a table, as a document and as an exit code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from specdec_lib.lossless import sentences
from specdec_lib.lossless.mutants import gallery
from specdec_lib.lossless.mutants.gallery import find_mutant

QUICK = ["--samples", "200", "--prompts", "3", "-k", "2", "--verifier", "token", "--device", "cpu"]


def test_an_exact_pair_in_words(specdec, own):
    shown = specdec("verify", *own, *QUICK, "--tokens", "24")
    assert (shown.code, shown.err) == (0, "")
    said = " ".join(shown.out.split())
    document = specdec("verify", *own, *QUICK, "--tokens", "24", "--json").document
    assert document["exact"] and document["sentence"] in said
    verdicts = [check["verdict"] for check in document["checks"]]
    assert verdicts.count("pass") == 9 and verdicts.count("not applicable")  # random models accept little
    assert "joint law" in shown.out and "REJECTED" not in shown.out


def test_a_policy_is_proved_by_the_same_rows_and_its_short_drafts_are_no_waste(specdec, own):
    policy = "confidence:0.2,most=3"
    document = specdec("verify", *own, *QUICK, "--tokens", "24", "--k", policy, "--json").document
    assert document["exact"] and f"with {policy}" in document["sentence"]
    assert (document["draft_length"], document["plan"]["k"]) == (policy, 3)
    tests = {check["test"]: check["verdict"] for check in document["checks"]}
    assert tests["joint law"] == tests["uniformity"] == tests["greedy identity"] == "pass"
    refused = specdec("verify", *own, *QUICK, "--k", policy, "--mutant", "accepts_everything")
    assert refused.code == 2 and f"--k is {policy}, give a number" in refused.err


def test_a_broken_decoder_as_a_document(specdec, own):
    shown = specdec("verify", *own, *QUICK, "--tokens", "24", "--mutant", "accepts_everything", "--json")
    assert shown.code == 1
    document = shown.document
    assert not document["exact"] and "accepts_everything" in document["sentence"]
    rejected = [check["test"] for check in document["checks"] if check["verdict"] == "rejected"]
    assert "exact, tables" in rejected and "one position" in rejected
    assert "joint law" in rejected or "uniformity" in rejected
    assert {"test", "statistic", "num_samples", "p_value", "bound", "catches", "passed"} <= set(
        document["checks"][0]
    )


def test_a_mistake_that_no_row_can_see_is_said_to_be_one(specdec, own):
    """Nothing here is sampled with a penalty: the mutant passes, and the line says why."""
    shown = specdec("verify", *own, *QUICK, "--tokens", "16", "--mutant", "penalty_without_draft")
    assert shown.code == 0 and "n/a" in shown.out and "not applicable: exact, tables" in shown.out
    told = " ".join(shown.err.split())
    assert sentences.mutant_unseen("penalty_without_draft", "a repetition penalty", "joint law") in told


def test_a_mistake_that_these_rows_missed_is_never_called_right(specdec, own, monkeypatch):
    """A mutant that needs nothing special, and was not seen: the line says so; a control needs no line."""
    blameless = find_mutant("library_token")
    unseen = replace(blameless, is_control=False, name="unseen", trial="efficiency")
    monkeypatch.setattr(gallery, "GALLERY", (unseen, blameless))
    shown = specdec("verify", *own, *QUICK, "--tokens", "16", "--mutant", "unseen")
    told = " ".join(shown.err.split())
    assert shown.code == 0 and sentences.mutant_unseen("unseen", "", "efficiency") in told
    control = specdec("verify", *own, *QUICK, "--tokens", "16", "--mutant", "library_token")
    assert (control.code, control.err) == (0, "")


def test_prompts_of_a_file_are_tried(specdec, own, tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"prompt": "one"}\n{"prompt": "two"}\n{"prompt": "three"}\n{"prompt": "four"}\n')
    options = [*QUICK[:2], "-k", "2", "--verifier", "block", "--device", "cpu", "--prompts", file, "-n", "12"]
    document = specdec("verify", *own, *options, "--num-prompts", "3", "--json").document
    rows = {check["test"]: check for check in document["checks"]}
    assert rows["uniformity"]["num_samples"] == 3 * 12
    assert {check["verifier"] for check in document["checks"]} == {"block", ""}
    assert rows["one position"]["verifier"] == "block"
    for counted in ("independence", "efficiency"):  # three short texts
        assert rows.pop(counted)["verdict"] == "not applicable"
    assert {"pass"} == {check["verdict"] for check in rows.values()}


def test_the_gallery_in_words_and_as_a_document(specdec, monkeypatch):
    few = tuple(map(find_mutant, ("accepts_everything", "emits_one_for_none", "library_token_exact")))
    monkeypatch.setattr(gallery, "GALLERY", few)
    shown = specdec("verify", "--mutants", "--seeds", "2")
    assert shown.code == 0
    assert sentences.gallery_says([True, True], [True], num_seeds=2) in shown.out
    assert few[0].issue in "".join(shown.out.split())
    document = specdec("verify", "--mutants", "--json").document
    assert document["wrong"] == [] and document["mutants"][0]["hunts"][0]["killed_at"] > 0
    assert [mutant["issue"] for mutant in document["mutants"]] == [few[0].issue, "", ""]


def test_a_gallery_with_a_survivor_fails(specdec, monkeypatch):
    """A mutant that nothing kills is wrong, and so is a control that dies."""
    survivor = replace(find_mutant("library_token_exact"), is_control=False, name="survivor")
    monkeypatch.setattr(gallery, "GALLERY", (survivor,))
    shown = specdec("verify", "--mutants")
    assert shown.code == 1 and sentences.gallery_says([False], [], num_seeds=1) in shown.out


def test_texts_that_are_too_short_are_refused_before_anything_heavy_is_imported(own):
    """In a process of its own, that has imported nothing yet."""
    script = (
        "import sys; from specdec_lib.cli import main; "
        f"code = main(['verify', *{own!r}, '-n', '16', '--prompts', '2']); "
        "assert not {'torch', 'transformers', 'scipy'} & set(sys.modules), 'imported'; sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 2 and "2 prompts of 16 tokens" in ran.stderr and "imported" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--verifier", "tree"], "unknown verifier 'tree'"),
        (["--mutant", "nobody"], "unknown mutant 'nobody'"),
        (["--temperature", "0"], "temperature above 0"),
        (["--temperature", "nan"], "temperature"),
        (["--prompts", "0"], "--prompts is 0"),
        (["--prompts", "151"], "--prompts is 151"),
        (
            ["--prompts", "1", "-n", "3"],
            "as few as 1 round of K = 4, and counts of what a round accepts need 10; give more --tokens",
        ),
        (["--prompts", "9", "--num-prompts", "9"], "give one of the two"),
        (["--pair", "nothing"], "Unknown pair 'nothing'"),
        (["--samples", "0"], "samples"),
    ],
)
def test_bad_input_is_one_line(specdec, arguments, told):
    shown = specdec("verify", *arguments)
    assert (shown.code, shown.out) == (2, "") and shown.err.count("\n") == 1
    assert told in shown.err


def test_a_seed_that_no_generator_takes_is_named_as_it_was_given(specdec, own) -> None:
    for options in (own, ["--mutants"]):
        shown = specdec("verify", *options, "--seed", str(2**70))
        assert shown.code == 2 and f"the seed is {2**70};" in shown.err and shown.err.count("\n") == 1


def test_a_mutant_of_another_verifier_is_refused(specdec, own) -> None:
    shown = specdec("verify", *own, "--mutant", "residual_is_p", "--verifier", "block")
    assert shown.code == 2 and "judged as the token verifier, and --verifier is block" in shown.err
