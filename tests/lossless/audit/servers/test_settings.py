"""What is sent as off, and how the echo is held against it."""

from __future__ import annotations

import pytest

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.lossless.audit.servers.settings import (
    NEVER_SENT,
    OFF,
    check_echo,
    samplers_of,
    sent_settings,
)

REQUEST = EngineRequest(1, (1,), temperature=0.7, top_k=5)


def test_the_chain_holds_a_temperature_and_what_the_request_asks_for():
    assert samplers_of(REQUEST) == ["top_k", "temperature"]
    assert samplers_of(EngineRequest(1, (1,), temperature=0.0)) == ["temperature"]
    sent = sent_settings(REQUEST)
    assert sent.keys() == {*OFF, "temperature", "top_k", "samplers"} and not NEVER_SENT.keys() & sent.keys()


@pytest.mark.parametrize("name", sorted({*sent_settings(REQUEST), *NEVER_SENT}))
def test_each_setting_is_compared(name):
    """An echo of what was sent passes; of each setting another value, or another type, does not."""
    sent = sent_settings(REQUEST)
    right = {**sent, **NEVER_SENT}
    assert check_echo(Fields(right, "s"), sent, "s") == []
    for other in ("off", None, [1], 3.25, not right[name] if isinstance(right[name], bool) else True):
        with pytest.raises(ServerFailed, match=f"^s: {name} was sent as"):
            check_echo(Fields({**right, name: other}, "s"), sent, "s")


def test_what_is_missing_is_named_but_for_what_older_servers_do_not_know():
    missing = check_echo(Fields({}, "s"), sent_settings(REQUEST), "s")
    assert "min_p" in missing and "ignore_eos" in missing and "backend_sampling" not in missing
