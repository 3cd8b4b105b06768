"""Recording an annotated generation: a profiled, traced run, and its autoregressive baseline beside it.

The runs are timed one after the other on warm models, the baseline first; what the annotation computes
afterwards is on nobody's clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.replays.annotation import AnnotatedTrace, annotate
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.reproducibility import environment_fingerprint

_WARM_UP_TOKENS = 8


def record_annotated(
    target: ModelWrapper,
    draft: ModelWrapper,
    prompt_ids: Sequence[int],
    max_new_tokens: int = 32,
    *,
    k: int = 4,
    verifier: str = "token",
    temperature: float = 0.0,
    seed: int = 0,
    title: str = "",
    choice: Mapping[str, str] | None = None,
) -> AnnotatedTrace:
    """Decode ``max_new_tokens`` tokens, past any end of text, and annotate every round.

    Args:
        choice: how a reader picks this trace among others, e.g. ``{"domain": "code"}``.

    Raises:
        InvalidArgument: whatever :meth:`~specdec_lib.decoding.decoder.Decoder.generate` refuses.
    """
    options = {"seed": seed, "ignore_eos": True}
    decoders = AutoregressiveDecoder(target), SpeculativeDecoder(target, draft, k=k, verifier=verifier)
    for decoder in decoders:
        decoder.generate(prompt_ids, _WARM_UP_TOKENS, temperature, **options)
    plain = decoders[0].generate(prompt_ids, max_new_tokens, temperature, **options)
    run = decoders[1].generate(prompt_ids, max_new_tokens, temperature, trace=True, profile=True, **options)
    later = plain.per_token_latencies[1:]
    environment = environment_fingerprint()
    return annotate(
        target,
        draft,
        run.trace,
        SamplingParams(temperature),
        verifier=verifier,
        title=title,
        baseline_ms=round(1e3 * sum(later) / len(later), 3) if later else None,
        baseline_first_ms=round(1e3 * plain.time_to_first_token, 3) if later else None,
        choice=dict(choice or {}),
        about={
            "target": target.name,
            "draft": draft.name,
            "k": k,
            "seed": seed,
            "dtype": str(target.dtype).removeprefix("torch."),
            "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            **{name: environment[name] for name in ("cpu", "cores", "threads", "torch", "gpu")},
        },
    )
