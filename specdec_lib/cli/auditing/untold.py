"""What a function is not told, since it takes no such keyword, and by which law it is then judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from specdec_lib.cli.auditing import sentences
from specdec_lib.cli.auditing.order import AuditOrder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import AskedEngine
from specdec_lib.lossless.audit.sampled.callables import CallableEngine

_UNCUT = 1.0


def law_asked_of(engines: Sequence[AskedEngine], order: AuditOrder) -> tuple[AuditOrder, list[str]]:
    """The order with the temperature that functions without one are judged at, and what to say of it.

    Raises:
        InvalidArgument: the law would be cut by default, and a function takes no ``top_k``.
    """
    notices: list[str] = []
    functions = [one for one in engines if isinstance(one, CallableEngine)]
    deaf = [one.name for one in functions if "temperature" not in one.keywords]
    whole = [one.name for one in functions if "top_k" not in one.keywords]
    if order.sums and order.top_k is None and whole:
        raise InvalidArgument(sentences.NEEDS_TOP_K.format(whole[0]))
    if order.temperature is None and deaf:
        order = replace(order, temperature=_UNCUT)
        notices += [sentences.TAKES_NO_TEMPERATURE.format(name) for name in deaf]
    elif order.temperature is not None:
        value = f"{order.temperature:g}"
        notices += [sentences.IS_NOT_TOLD.format(name, "temperature", value) for name in deaf]
    if order.top_k is not None:
        notices += [sentences.IS_NOT_TOLD.format(name, "top_k", order.top_k) for name in whole]
    return order, list(dict.fromkeys(notices))
