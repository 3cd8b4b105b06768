"""From logits to a distribution, and from a distribution to one token.

The same warping is applied once to the target and once to the draft, always in float32 and in
the order of Hugging Face's processors: repetition penalty, temperature, top-k, top-p, min-p.
Temperature 0 means the argmax of the penalised logits, a one-hot distribution. Nothing here
knows models, drafts or rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding import sentences
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import real_number, whole_number


@dataclass(frozen=True)
class SamplingParams:
    """How a distribution is made from logits. None leaves a warper out.

    Raises:
        InvalidArgument: temperature negative or not finite; top_k < 1; top_p or min_p outside
            (0, 1] and [0, 1]; repetition_penalty <= 0.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None

    def __post_init__(self) -> None:
        self._keep("temperature", _number("temperature", self.temperature, 0))
        if self.top_k is not None:
            self._keep("top_k", whole_number(self.top_k, "sampling: top_k", least=1))
        if self.top_p is not None:
            self._keep("top_p", _number("top_p", self.top_p, 0, 1, open_below=True))
        if self.min_p is not None:
            self._keep("min_p", _number("min_p", self.min_p, 0, 1))
        if self.repetition_penalty is not None:
            penalty = _number("repetition_penalty", self.repetition_penalty, 0, open_below=True)
            self._keep("repetition_penalty", penalty)

    def _keep(self, name: str, value: float) -> None:
        """The plain number in place of what was passed, so that equal parameters hash and print alike."""
        object.__setattr__(self, name, value)

    @property
    def is_greedy(self) -> bool:
        """True at temperature 0: the other warpers, penalty excepted, cannot change the argmax."""
        return self.temperature == 0

    @property
    def is_temperature_alone(self) -> bool:
        """True when a temperature above 0 is all that warps the distribution."""
        return not self.is_greedy and self == SamplingParams(self.temperature)

    @property
    def needs_history(self) -> bool:
        """True when the distribution depends on which tokens came before (repetition penalty)."""
        return self.repetition_penalty not in (None, 1.0)


def _number(name: str, value: object, low: float, high: float = math.inf, open_below: bool = False) -> float:
    number = real_number(value, f"sampling: {name}")
    if not (low < number if open_below else low <= number) or number > high:
        wanted = f"a number {'>' if open_below else '>='} {low}"
        if high != math.inf:
            wanted = f"{low} {'<' if open_below else '<='} {name} <= {high}"
        raise InvalidArgument(sentences.ODD_PARAMETER.format(name, value, wanted))
    return number


def penalise(
    logits: Float[Tensor, "*rows vocab"], penalty: float, history_ids: Integer[Tensor, " length"]
) -> Float[Tensor, "*rows vocab"]:
    """Repetition penalty (Keskar et al. 2019, CTRL, §4.1) on tokens of the history: logits > 0 are divided
    by ``penalty``, others multiplied.

    With ``n`` rows, row ``i`` predicts the token after all but the last ``n - 1 - i`` ids of the
    history, and only those are penalised in it: a drafted token counts from the next row on.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    num_rows, num_ids = rows.shape[0], history_ids.shape[0]
    if num_ids < num_rows - 1:
        raise InvalidArgument(sentences.ROWS_WITHOUT_HISTORY.format(num_rows, num_rows - 1, num_ids))
    settled, drafted = history_ids[: num_ids - num_rows + 1], history_ids[num_ids - num_rows + 1 :]
    seen = torch.zeros_like(rows, dtype=torch.bool)
    seen[:, settled] = True
    later = torch.ones(num_rows, num_rows - 1, dtype=torch.bool, device=rows.device).tril(-1)
    row_index, draft_index = later.nonzero(as_tuple=True)
    seen[row_index, drafted[draft_index]] = True
    limit = torch.finfo(rows.dtype)  # no factor makes a token certain, impossible or NaN
    penalty = min(max(penalty, limit.tiny), limit.max)
    weaker, stronger = (rows / penalty).clamp_max(limit.max), (rows * penalty).clamp_min(limit.min)
    penalised = torch.where(rows.isfinite(), torch.where(rows < 0, stronger, weaker), rows)
    return torch.where(seen, penalised, rows).reshape(logits.shape)


def warp_logits(
    logits: Float[Tensor, "*rows vocab"],
    params: SamplingParams,
    history_ids: Integer[Tensor, " length"] | None = None,
) -> Float[Tensor, "*rows vocab"]:
    """Warped logits in float32 (float64 stays): tokens cut by a warper are minus infinity.

    At temperature 0 only the penalty applies. Raises InvalidArgument when the penalty lacks a history.
    """
    warped = logits if logits.dtype == torch.float64 else logits.float()
    if params.needs_history and params.repetition_penalty is not None:
        if history_ids is None:
            raise InvalidArgument(sentences.NEEDS_HISTORY)
        warped = penalise(warped, float(params.repetition_penalty), history_ids)
    if params.is_greedy:
        return warped
    if params.temperature != 1.0:
        warped = _at_temperature(warped, params.temperature)
    if params.top_k is not None:
        warped = _keep_top_k(warped, params.top_k)
    if params.top_p is not None and params.top_p < 1.0:
        warped = _keep_top_p(warped, params.top_p)
    if params.min_p is not None:
        warped = _keep_min_p(warped, params.min_p)
    return warped


def _at_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divided by the temperature; below 1 relative to the largest, so that nothing overflows upwards.

    What lies below the largest may overflow to minus infinity, where its probability is 0 anyway. The
    smallest normal number stands for temperatures below it, by which some processors cannot divide.
    """
    if temperature > 1:
        return logits / temperature
    lowest = float(torch.finfo(logits.dtype).tiny)
    return (logits - logits.amax(-1, keepdim=True)) / max(temperature, lowest)


def _keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """Keep the k largest, and what ties with the k-th."""
    smallest = logits.topk(min(top_k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < smallest, -torch.inf)


def _keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Keep the smallest set whose probability reaches p, one token at least (Holtzman et al. 2020)."""
    ascending, order = logits.sort(descending=False)
    cut = ascending.softmax(-1).cumsum(-1) <= 1.0 - top_p
    cut[..., -1] = False
    return logits.masked_fill(torch.zeros_like(cut).scatter(-1, order, cut), -torch.inf)


def _keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """Keep tokens whose probability is at least ``min_p`` times the largest (Nguyen et al. 2024)."""
    probs = logits.softmax(-1)
    return logits.masked_fill(probs < min_p * probs.amax(-1, keepdim=True), -torch.inf)


def probs_from_logits(
    logits: Float[Tensor, "*rows vocab"],
    params: SamplingParams,
    history_ids: Integer[Tensor, " length"] | Sequence[int] | None = None,
) -> Float[Tensor, "*rows vocab"]:
    """The distribution to draw from, ``float32[..., vocab]``, rows summing to 1.

    Args:
        logits: ``[vocab]`` or ``[n, vocab]`` for n consecutive positions.
        history_ids: ids before the last position (prompt, emitted, drafted); see :func:`penalise`.
    """
    if history_ids is not None and not isinstance(history_ids, Tensor):
        history_ids = torch.tensor(list(history_ids), dtype=torch.long, device=logits.device)
    warped = warp_logits(logits, params, history_ids)
    if params.is_greedy:
        return torch.nn.functional.one_hot(warped.argmax(-1), warped.shape[-1]).to(warped.dtype)
    probs = warped.softmax(-1)
    # A float32 softmax over thousands of tokens misses 1 by some 1e-6, and what p and q miss does not cancel.
    return probs / probs.sum(-1, keepdim=True, dtype=_precise(probs.device)).to(probs.dtype)


def draw(probs: Float[Tensor, " vocab"], generator: torch.Generator | None = None) -> Integer[Tensor, ""]:
    """One token id from ``probs`` (any positive sum) by one uniform; see :func:`invert`."""
    return invert(probs, uniforms(1, probs.device, generator)[0])


def uniforms(
    count: int, device: torch.device, generator: torch.Generator | None = None
) -> Float[Tensor, " count"]:
    """Independent uniforms on [0, 1), in float64 where the device has it."""
    return torch.rand(count, dtype=_precise(device), device=device, generator=generator)


def invert(probs: Float[Tensor, " vocab"], uniform: Float[Tensor, ""]) -> Integer[Tensor, ""]:
    """The token id at which the cumulative distribution of ``probs`` passes ``uniform`` times its sum.

    A token of probability 0 is never drawn. The id stays on the device: no host synchronisation.

    Raises:
        InvalidArgument: on a CPU, ``probs`` that are no law: their sum is 0, infinite or NaN.
    """
    cumulative = probs.to(_precise(probs.device)).cumsum(-1)
    total = cumulative[-1:]
    _require_law(total)
    index = torch.searchsorted(cumulative, uniform * total, right=True)
    last_possible = torch.searchsorted(cumulative, total, right=False)
    return torch.minimum(index, last_possible).clamp_max(probs.shape[-1] - 1)[0]


def _require_law(total: Float[Tensor, " 1"]) -> None:
    """Asked where the answer is at hand; a device would have to be waited for."""
    if total.device.type == "cpu" and not torch.compiler.is_compiling() and not 0 < float(total) < math.inf:
        raise InvalidArgument(sentences.NO_LAW.format(float(total)))


def _precise(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64
