"""One session of measurements: its name, what ran where, and the file that its records are appended to.

Every record of a session carries the same environment and models, so that a line of a results file says by
itself what it is about. A session that was cut off can be continued where it was measured: on the same
machine, with the same models and prompts, for every kind of measurement. It does not know what was measured.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from specdec_lib.bench.measure import subjects
from specdec_lib.bench.records.appending import append_records, require_results
from specdec_lib.bench.records.kinds import AnyRecord, Record
from specdec_lib.bench.records.origin import model_difference, require_one_machine
from specdec_lib.bench.records.reading import read_records
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils import machine
from specdec_lib.utils.reproducibility import environment_fingerprint


class Session:
    """Stamps records and appends them, each as soon as it is given.

    Raises:
        RecordError: the file at ``output_path`` is one of something else.
    """

    def __init__(
        self,
        output_path: str | Path,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter,
        prompts: Mapping[str, Any] | None = None,
    ) -> None:
        self.output_path = Path(output_path)
        require_results(self.output_path)
        self.name = f"{_now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.environment = environment_fingerprint()
        self._models = {"target": target, "draft": draft}
        self._prompts = prompts

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """What the records say of the models; how a model computes is settled by its first forwards."""
        return {role: subjects.describe(model) for role, model in self._models.items()}

    @property
    def _stamp(self) -> Record:
        return Record(
            session=self.name,
            environment=self.environment,
            models=self.models,
            prompts=self._prompts,
            time=_now().isoformat(timespec="seconds"),
        )

    def append(self, records: Sequence[AnyRecord]) -> list[AnyRecord]:
        """Append ``records``, all or none, stamped with the session and the time; returns them as written.

        Raises:
            RecordError: one of them cannot be written; those of earlier calls are kept.
        """
        stamp = self._stamp
        stamped = [record.stamped(stamp) for record in records]
        append_records(self.output_path, stamped)
        return stamped

    def resume(self, kind: str) -> list[Record]:
        """Continue the newest session of the file that holds records of ``kind``; returns all of its records.

        Where there is none, the new session stays as it is.

        Raises:
            InvalidArgument: that session ran on another machine, with other models, or other prompts.
            RecordError: the file cannot be read, or that session ran on several machines.
        """
        records = read_records(self.output_path)[0] if self.output_path.exists() else []
        names = list(dict.fromkeys(record.session for record in records if record.kind == kind))
        if not names:
            return []
        chosen = [record for record in records if record.session == names[-1]]
        require_one_machine(chosen)
        if what := _difference(chosen[0], self._stamp):
            raise InvalidArgument(
                f"resume {self.output_path}: {what}; runs of two such sessions do not pair, "
                "so start a new one without resuming"
            )
        self.name = names[-1]
        return chosen


def _difference(before: Record, now: Record) -> str | None:
    """What tells two sessions apart that should be one, in a few words; the commit may differ."""
    if changes := machine.difference(before.environment, now.environment):
        return f"session {before.session} was measured elsewhere ({changes})"
    if others := model_difference(before.models, now.models):
        return f"session {before.session} ran {others}"
    if _are_other(before.prompts, now.prompts):
        changes = f"{_told(before.prompts)} is now {_told(now.prompts)}"
        return f"session {before.session} ran other prompts ({changes})"
    return None


def _are_other(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    """Whether two sets of prompts differ: in their texts, or in the ids of a domain that both have."""
    if before is None or now is None:
        return before is not now
    ids = before.get("ids", {})
    kept = {domain: told for domain, told in now.get("ids", {}).items() if domain in ids}
    return {**before, "ids": None} != {**now, "ids": None} or not kept.items() <= ids.items()


def _told(prompts: Mapping[str, Any] | None) -> str:
    if prompts is None:
        return "not recorded"
    chat = " as chat" if prompts.get("chat") else ""
    ids = "".join(f", {domain} {told}" for domain, told in dict(prompts.get("ids", {})).items())
    return f"{prompts.get('source')} ({prompts.get('hash')}{ids}){chat}"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
