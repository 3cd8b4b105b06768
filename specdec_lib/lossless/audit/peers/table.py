"""The table of engines: what was audited, in which version and way, and what came of it, a line each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from specdec_lib.errors import RecordError
from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.utils.files import write_whole


@dataclass(frozen=True)
class PeerAudit:
    """One engine in one of its ways.

    Attributes:
        engine, version, mode: of whom it is said; ``options`` are what made the way.
        pair: the target and draft that it ran.
        date: of the audit, as YYYY-MM-DD.
        greedy_equal, greedy_texts: texts at temperature 0 that are Transformers' of float32, of so many; each
            of ``greedy_tokens`` tokens.
        verdict: "exact as far as seen", "not exact", "not askable"; ``says`` is the sentence.
        num_samples: answers of ``num_tokens`` tokens that were counted of it, and of its control.
        p_value: of their joint law; None where it could not be asked.
        catches: total variation that so many answers reject with 99 % probability.
        low, high: between which the distance to the law is, with ``confidence``.
        num_drafted, num_accepted: draft tokens while they were counted, where they are told.
    """

    engine: str
    version: str
    mode: str
    options: str
    pair: str
    date: str
    greedy_equal: int
    greedy_texts: int
    greedy_tokens: int
    verdict: str
    says: str
    num_samples: int
    num_tokens: int
    p_value: float | None = None
    catches: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    num_drafted: int | None = None
    num_accepted: int | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a later audit of the same replaces."""
        return self.engine, self.version, self.mode, self.pair


def read_peer_audits(path: Path) -> list[PeerAudit]:
    """The lines of a file; none where there is no file.

    Raises:
        RecordError: a line that is none, by its number.
    """
    if not path.is_file():
        return []
    known = {field.name for field in fields(PeerAudit)}
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            read = json.loads(line)
            found.append(PeerAudit(**{name: value for name, value in read.items() if name in known}))
        except (ValueError, TypeError, AttributeError) as error:
            raise RecordError(sentences.NO_AUDIT.format(path, number, error)) from error
    return found


def keep_peer_audits(path: Path, audits: Iterable[PeerAudit]) -> list[PeerAudit]:
    """Put audits into a file, each in the place of an older one of the same; the whole table.

    Raises:
        RecordError: a line of the file is none.
    """
    kept = {audit.key: audit for audit in read_peer_audits(path)}
    kept |= {audit.key: audit for audit in audits}
    table = sorted(kept.values(), key=lambda audit: (audit.engine, audit.version))
    lines = (json.dumps(asdict(audit), ensure_ascii=False) + "\n" for audit in table)
    write_whole(path, "".join(lines).encode())
    return table
