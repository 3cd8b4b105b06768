"""A Sphinx extension: the tables of the page *Acceptance*, computed from recorded rounds at every build.

``<!-- acceptance -->`` becomes a row a definition, with its value on the same rounds of the embedded pair,
``<!-- alike -->`` a sentence on values that come out alike, ``<!-- called -->`` whose word each is,
``<!-- positions -->`` the shares of each position, and ``<!-- account -->`` what ``specdec explain --from``
printed when ``outputs.json`` was made. No number on the page is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from sphinx.application import Sphinx

BOOK = Path(__file__).parents[1]
_ALIKE = (
    "Here {} are one number: each round of this run drafted something, and the first token of a text is one "
    "of a round's. Where rounds are silent, or the prompt's forward brings a token of its own, they part."
)
K, TEMPERATURE = 4, 0.0
CALLED = {
    "per_drafted_token": "vLLM *draft acceptance rate*; llama.cpp *draft acceptance*; SGLang *accept rate*; "
    "OpenVINO GenAI `get_draft_acceptance_rate`",
    "alpha": "Leviathan et al. and the laws of this book; `alpha_hat`",
    "accepted_per_draft": "tables of papers that leave the bonus out",
    "acceptance_length": "vLLM *mean acceptance length*; llama.cpp *mean len*; EAGLE's $\\tau$; Spec-Bench "
    "*mean accepted tokens*",
    "tokens_per_step": "`tokens_per_step` here; what a clock divides by",
    "emitted_per_draft": "SGLang *accept length* of an answer (`completion_tokens / spec_verify_ct`)",
    "first_position": "DeepSeek's *acceptance rate* of its MTP head",
}
"""Key -> whose word it is."""
MISSES = {
    "per_drafted_token": "what follows a rejection was never judged and counts as refused: it falls "
    "with $K$ at the same draft",
    "alpha": "that positions differ; needs the rounds that hold a rejection",
    "accepted_per_draft": "the token that every round emits anyway",
    "acceptance_length": "rounds that drafted nothing, and what an end of text cut off",
    "tokens_per_step": "how good the draft is where it drafts",
    "emitted_per_draft": "the prompt's own token is in it, tokens behind an end of text are not: high on "
    "short answers",
    "first_position": "all further positions; it is $\\alpha$ of a chain of one",
}
"""Key -> what its number does not say."""


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marks in a page's source."""
    for mark, made in MARKS.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, made())


def _found() -> list:
    """Every acceptance of the recorded rounds of the embedded pair."""
    from specdec_lib.bench.records.reading import read_records
    from specdec_lib.bench.records.runs import newest_session, pool, runs_of, select
    from specdec_lib.theory.dialects import acceptances
    from specdec_lib.theory.tally import Tally

    records = newest_session(read_records(BOOK.parent / "data" / "results" / "pocket.jsonl")[0])
    texts = select(runs_of(records), TEMPERATURE, "all", K)
    told = pool(run.result for run in texts)
    rounds = [
        *zip(told.accepted_per_round, told.drafted_per_round, strict=True),
        *[(0, 0)] * told.num_plain_rounds,
    ]
    return acceptances(Tally.of_rounds(rounds, num_tokens=told.num_tokens, num_texts=0))


def table() -> str:
    """A row a definition of whole rounds."""
    rows = ["| | value | formula |", "|:--|:--|:--|"]
    for one in _found():
        if one.key in CALLED:
            value = "not counted" if one.value is None else f"{one.value:.3f}"
            ends = "" if one.low is None else f" ({one.low:.3f}–{one.high:.3f})"
            rows.append(f"| {one.symbol} | {value}{ends} | {one.formula} |")
    return _narrow(rows)


def alike() -> str:
    """That tokens a step and tokens a draft agree, where they do; else nothing."""
    pair = [one for one in _found() if one.key in ("tokens_per_step", "emitted_per_draft")]
    shown = {None if one.value is None else f"{one.value:.3f}" for one in pair}
    return _ALIKE.format(" and ".join(one.symbol for one in pair)) if len(shown) == 1 else ""


def called() -> str:
    """A row a definition of whole rounds: whose word it is, and what its number leaves out."""
    rows = ["| | called so by | what it does not say |", "|:--|:--|:--|"]
    symbols = {one.key: one.symbol for one in _found()}
    rows += [f"| {symbols[key]} | {words} | {MISSES[key]} |" for key, words in CALLED.items()]
    return _narrow(rows)


def _narrow(rows: list[str]) -> str:
    """A table in which long names in code may break."""
    return "\n".join(["```{table}", ":class: narrow", "", *rows, "```"])


def positions() -> str:
    """A row a way to divide, a column a position."""
    from specdec_lib.bench.explain.counters.sentences import POSITIONS as ways

    found = _found()
    places = sorted({one.position for one in found if one.position})
    rows = ["| position | " + " | ".join(map(str, places)) + " |", "|:--|" + "--:|" * len(places)]
    for key, words in ways.items():
        shares = [one.value for one in found if one.key == key and one.position]
        rows.append(f"| {words} | " + " | ".join("–" if v is None else f"{v:.3f}" for v in shares) + " |")
    return "\n".join(rows)


def account() -> str:
    """The recorded runs of ``specdec explain --from``, each a command and what it printed."""
    recorded = json.loads((BOOK / "outputs.json").read_text(encoding="utf8"))["explain"]
    parts = []
    for run in recorded:
        if " --from " in run["command"]:
            parts.append(f"```bash\n{run['command']}\n```")
            parts.append(f"```{{code-block}} text\n:class: output\n\n{run['prints']}\n```")
    return "\n\n".join(parts)


MARKS = {
    "<!-- acceptance -->": table,
    "<!-- alike -->": alike,
    "<!-- called -->": called,
    "<!-- positions -->": positions,
    "<!-- account -->": account,
}
"""A mark in a page's source -> what stands in its place."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Run when a page's source has been read."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
