"""The table of engines made anew: what is installed is audited, one after the other, a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from specdec_lib.errors import SpecDecError
from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.lossless.audit.peers.auditing import PeerPlan, audit_peer, greedy_texts
from specdec_lib.lossless.audit.peers.installed import FORM_OF, modes_of, running, why_not_installed
from specdec_lib.lossless.audit.peers.table import PeerAudit, keep_peer_audits
from specdec_lib.models.export.pair import export_models
from specdec_lib.models.loader import load_model
from specdec_lib.models.registry import get_pair
from specdec_lib.models.wrapper import ModelWrapper


def audit_installed(
    folder: Path,
    output: Path,
    pair: str,
    plan: PeerPlan,
    engines: Sequence[str] | None = None,
    modes: Sequence[str] | None = None,
    report: Callable[[str], None] = print,
) -> list[PeerAudit]:
    """Audit each engine that is installed in ``folder``, in each of its ways that drafts.

    A line is kept as soon as it is known; an engine that is missing, or fails, is said and passed over.

    Raises:
        UnknownPair: no pair of that name.
        ModelUnavailable: its models cannot be had, or not be written.
        RecordError: ``output`` holds something else.
    """
    models = {"target": get_pair(pair).target_model_id, "draft": get_pair(pair).draft_model_id}
    target = ModelWrapper(*load_model(models["target"], "float32", "cpu"))
    texts = greedy_texts(target, plan.texts, plan.text_tokens)
    audits = []
    for engine, form in FORM_OF.items():
        if engines and engine not in engines:
            continue
        if why := why_not_installed(engine, folder):
            report(why)
            continue
        written = export_models(models, form, folder / form)
        for mode in modes_of(engine):
            if modes and mode not in modes:
                continue
            try:
                with running(engine, mode, folder, written, target.eos_token_ids) as peer:
                    audit = audit_peer(peer, target, pair, plan, texts, report)
            except SpecDecError as error:
                report(sentences.PASSED_OVER.format(engine, mode, error))
                continue
            audits.append(audit)
            keep_peer_audits(output, [audit])
            report(sentences.GREEDY_FOUND.format(engine, mode, audit.greedy_equal, audit.greedy_texts))
            report(audit.says)
    return audits
