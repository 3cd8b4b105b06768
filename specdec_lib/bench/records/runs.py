"""The timed runs of one benchmark session as objects, chosen, pooled and arranged in cells.

Where a run's first round ends and its steady decoding begins is decided here, once. A results
file holds every session that was ever appended to it; summaries are made of the newest, because
runs of different days on different machines do not pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from specdec_lib.bench.records.kinds import CostsRecord, ProfileRecord, Record, RunRecord, of_kind
from specdec_lib.bench.records.origin import require_one_machine
from specdec_lib.bench.records.reading import read_records
from specdec_lib.errors import RecordError
from specdec_lib.models.registry import REGISTRY
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult
from specdec_lib.utils.paths import FilePath, data_path

ALL_DOMAINS = "all"
_PAIR_KINDS = {RunRecord, ProfileRecord, CostsRecord}
"""What a whole benchmark of a pair appends: timed runs, runs with phases, single forwards."""


@dataclass(frozen=True)
class Run:
    """One timed generation: its configuration, its prompt and repeat, its result."""

    config: BenchmarkConfig
    prompt_id: str
    prompt_tokens: int
    repeat: int
    result: GenerationResult

    @property
    def k(self) -> int:
        """Draft length; 0 is autoregressive."""
        return self.config.K

    @property
    def place(self) -> tuple[str, str, int]:
        """Domain, prompt and repeat: the block that it ran in, side by side with the other arms."""
        return self.config.prompt_domain, self.prompt_id, self.repeat

    @property
    def first_tokens(self) -> int:
        """Tokens of the first round, the one that also reads the prompt; its time is spread over them."""
        result = self.result
        if result.per_token_latencies and result.per_token_latencies[0] > 0:
            tokens = round(result.time_to_first_token / result.per_token_latencies[0])
            return min(max(1, tokens), max(1, result.num_tokens))
        return result.accepted_per_round[0] + 1 if result.accepted_per_round else 1

    @property
    def decode_tokens(self) -> int:
        """Tokens after the first round."""
        return self.result.num_tokens - self.first_tokens

    @property
    def decode_seconds(self) -> float:
        """Time after the first round."""
        return self.result.total_time - self.result.time_to_first_token

    @property
    def forwards(self) -> int:
        """Target forwards: rounds with a draft, and the rounds without one that emit a token each."""
        result = self.result
        emitted = sum(accepted + 1 for accepted in result.accepted_per_round)
        return len(result.accepted_per_round) + max(result.num_plain_rounds, result.num_tokens - emitted)


def newest_session(records: Sequence[Record], cells: Iterable[BenchmarkConfig] = ()) -> list[Record]:
    """The records of the last session in the file that has timed runs.

    Args:
        cells: if given, only a session counts that ran all of them, and measured costs and phases too.

    Raises:
        RecordError: there is none, or it was measured on several machines.
    """
    wanted = {config.config_hash() for config in cells}
    for session in reversed(dict.fromkeys(record.session for record in of_kind(records, RunRecord))):
        chosen = [record for record in records if record.session == session]
        ran = {record.config_hash for record in of_kind(chosen, RunRecord)}
        if not wanted or (wanted <= ran and set(map(type, chosen)) >= _PAIR_KINDS):
            require_one_machine(chosen)
            return chosen
    what = f"session that ran all of {len(wanted)} cells" if wanted else "timed run"
    raise RecordError(f"summary: no {what} among the records; measure first with `specdec bench`")


def load_session(path: FilePath, cells: Iterable[BenchmarkConfig] = ()) -> tuple[list[Record], list[str]]:
    """The newest session of a results file (see :func:`newest_session`), and what is wrong in the file.

    Raises:
        RecordError: the file cannot be read, or holds no such session.
    """
    records, problems = read_records(path)
    return newest_session(records, cells), problems


def load_results(pair: str, cells: Sequence[BenchmarkConfig] = ()) -> tuple[list[Record], Path]:
    """The newest session of a pair that ran all of ``cells``: as measured here, or else as recorded.

    Looked at in this order: ``runs/PAIR.jsonl`` in the working folder, where ``specdec bench`` writes; the
    same in the checkout, where ``make book`` does; ``data/results/PAIR.jsonl``, what the project ships.
    Returns the records and the file that they come from.

    Args:
        pair: a registered name, or that of a pair of one's own, such as ``choose_pair`` gives it.
        cells: if given, a session counts only if it ran all of them, with costs and phases.

    Raises:
        RecordError: none of the files holds such a session; one line that says how to measure one.
    """
    for path in result_paths(pair):
        with suppress(RecordError):
            return load_session(path, cells)[0], path
    count = len({config.config_hash() for config in cells})
    what = f"session of '{pair}' that ran all of {count} cells" if count else f"results of '{pair}'"
    where = f"in {Path('runs', f'{pair}.jsonl')}"
    asked = f"--pair {pair}" if pair in REGISTRY else "--target MODEL --draft MODEL"
    raise RecordError(f"no {what} {where}; measure first with `specdec bench {asked}`, from the same folder")


def result_paths(pair: str) -> list[Path]:
    """Where a pair's results may lie, in the order of :func:`load_results`; a file need not be there."""
    folders = (Path("runs").resolve(), (data_path().parent / "runs").resolve(), data_path("results"))
    return list(dict.fromkeys(folder / f"{pair}.jsonl" for folder in folders))


def runs_of(records: Iterable[Record], policy: str = "") -> list[Run]:
    """The timed runs among the records, as objects: the baseline's, and those of draft lengths K that are
    numbers; or, in their place, those of one policy."""
    return [
        Run(run.config, run.prompt_id, run.prompt_tokens, run.repeat, run.result)
        for run in of_kind(records, RunRecord)
        if not run.config.K or run.config.policy == policy
    ]


def policies_of(records: Iterable[Record]) -> list[str]:
    """The draft lengths that were run and are no numbers, by their names, in the order of the records."""
    ran = (run.config.policy for run in of_kind(records, RunRecord))
    return [policy for policy in dict.fromkeys(ran) if policy]


def pool(results: Iterable[GenerationResult]) -> GenerationResult:
    """One result that holds the counts of all: per-round lists put end to end, times added; no memory."""
    results = list(results)
    return GenerationResult(
        generated_ids=[i for r in results for i in r.generated_ids],
        per_token_latencies=[t for r in results for t in r.per_token_latencies],
        total_time=sum(r.total_time for r in results),
        peak_memory_mb=None,
        accepted_per_round=[n for r in results for n in r.accepted_per_round],
        drafted_per_round=[n for r in results for n in r.drafted_per_round],
        num_plain_rounds=sum(r.num_plain_rounds for r in results),
    )


def select(runs: Sequence[Run], temperature: float, domain: str, k: int | None = None) -> list[Run]:
    """The runs at one temperature and of one domain, or of ``ALL_DOMAINS``; with ``k`` those of that arm."""
    return [
        run
        for run in runs
        if run.config.temperature == temperature
        and domain in (run.config.prompt_domain, ALL_DOMAINS)
        and k in (run.k, None)
    ]


def cells(runs: Sequence[Run]) -> list[tuple[float, str, int]]:
    """Temperature, domain (all of them last, where there are several) and K of every speculative cell."""
    domains = list(dict.fromkeys(run.config.prompt_domain for run in runs))
    domains += [ALL_DOMAINS] if len(domains) > 1 else []
    present = {
        (r.config.temperature, d, r.config.K) for r in runs for d in (r.config.prompt_domain, ALL_DOMAINS)
    }
    temperatures = sorted({run.config.temperature for run in runs})
    ks = sorted({run.config.K for run in runs} - {0})
    return [(t, d, k) for t in temperatures for d in domains for k in ks if (t, d, k) in present]
