"""A comparison by domain, and once more without the texts that end in a loop.

Every arm stands over the best plain decoding of anybody: ours or Hugging Face's, eager or compiled, chosen
anew in each draw of the bootstrap. Rates are total tokens over total time. A text ends in a loop where the
greedy text of any arm does; only texts of temperature 0 are looked at. Nothing here draws, and nothing times.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.bench.records.kinds import PeerRecord, Record, of_kind
from specdec_lib.bench.records.origin import require_one_machine
from specdec_lib.bench.records.runs import ALL_DOMAINS
from specdec_lib.bench.records.schema import OURS
from specdec_lib.bench.tables.loops import ends_in_loop
from specdec_lib.bench.tables.peers import PLAIN, arms_of, best_over_best, peer_table
from specdec_lib.bench.tables.rows import DomainRatioRow, DomainRow
from specdec_lib.errors import RecordError

ALL_TEXTS, NO_LOOPS = "all texts", "without loops"


def comparisons(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The newest session of every pair that arms were compared on, by the pair's name, in the file's order.

    Raises:
        RecordError: there is none, or one that was measured on several machines.
    """
    newest = {record.config.model_pair_name: record.session for record in of_kind(records, PeerRecord)}
    if not newest:
        raise RecordError("real models: no comparison among the records; measure one with `make real`")
    found = {
        name: [record for record in records if record.session == session] for name, session in newest.items()
    }
    for session in found.values():
        require_one_machine(session)
    return found


def looping_texts(records: Sequence[Record]) -> set[str]:
    """The prompts whose greedy text ends in a loop."""
    return {
        record.prompt_id
        for record in of_kind(records, PeerRecord)
        if record.config.temperature == 0 and ends_in_loop(record.result.generated_ids)
    }


def domain_table(records: Sequence[Record], *, level: float = 0.95, draws: int = 2000) -> list[DomainRow]:
    """One row an arm, a domain (``all`` of them first) and a choice of texts, those of temperature 0."""
    table = []
    for domain, texts, chosen in parts_of(records):
        plain = [name for name, arm in arms_of(chosen).items() if arm.method == PLAIN]
        for row in peer_table(chosen, level=level, draws=draws, over=plain):
            accepted, drafted, rounds = _counts(chosen, row.arm)
            told = {name: row[name] for name in DomainRow.__dataclass_fields__ if name in row}
            per_round = (accepted + rounds) / rounds if rounds else None
            rate = accepted / drafted if drafted else None
            more = {"domain": domain, "texts": texts, "tokens_per_round": per_round, "acceptance_rate": rate}
            table.append(DomainRow(**told, **more))
    return table


def domain_ratios(
    records: Sequence[Record], *, level: float = 0.95, draws: int = 2000
) -> list[DomainRatioRow]:
    """Our best drafting arm over the best plain decoding of anybody, by domain and choice of texts."""
    table = []
    for domain, texts, chosen in parts_of(records):
        sides = (OURS, "speculative", None), (None, PLAIN, None)
        ratio = best_over_best(chosen, 0.0, f"{domain}, {texts}", *sides, level=level, draws=draws)
        table.append(DomainRatioRow(**ratio, domain=domain, texts=texts))
    return table


def parts_of(records: Sequence[Record]) -> list[tuple[str, str, list[Record]]]:
    """Domain, choice of texts, and their records with all that are no runs; none that would be empty."""
    looping = looping_texts(records)
    runs = [run for run in of_kind(records, PeerRecord) if run.config.temperature == 0]
    others = [record for record in records if not isinstance(record, PeerRecord)]
    domains = [ALL_DOMAINS, *dict.fromkeys(run.config.prompt_domain for run in runs)]
    parts = []
    for domain in domains:
        inside = [run for run in runs if domain in (ALL_DOMAINS, run.config.prompt_domain)]
        kept = [run for run in inside if run.prompt_id not in looping]
        parts += [
            (domain, texts, others + part) for texts, part in ((ALL_TEXTS, inside), (NO_LOOPS, kept)) if part
        ]
    return parts


def _counts(records: Sequence[Record], arm: str) -> tuple[int, int, int]:
    """Accepted and drafted tokens of an arm, and its rounds, those without a draft included."""
    results = [run.result for run in of_kind(records, PeerRecord) if run.decoder == arm]
    accepted = sum(sum(result.accepted_per_round) for result in results)
    drafted = sum(sum(result.drafted_per_round) for result in results)
    rounds = sum(len(result.accepted_per_round) + result.num_plain_rounds for result in results)
    return accepted, drafted, rounds
