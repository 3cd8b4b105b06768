"""A server whose seed is fixed gives one answer to all seeds: refused where the law says so."""

from __future__ import annotations

import numpy as np
import pytest
from table_server import TableServer, serving

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.audit.servers.seeds import check_seeds
from specdec_lib.lossless.laws.table_model import TableModel

REQUEST = EngineRequest(3, prompt_ids=(2, 3))  # no token behind it has more than 0.51


def test_a_fixed_seed_is_found_and_seeds_that_work_are_not():
    with serving(TableServer(TableModel.random(6, seed=1))) as table, open_server(table.url) as server:
        law = server.next_law(REQUEST, ())
        check_seeds(server, REQUEST, law)
        assert server.notices == []
        table.fixed_seed = 0
        with pytest.raises(ServerFailed, match="32 different seeds gave one and the same answer"):
            check_seeds(server, REQUEST, law)
        check_seeds(server, REQUEST, law, num_seeds=2)  # two may agree by chance
        check_seeds(server, REQUEST)
        assert len(server.notices) == 2
        asked = len(table.asked)
        check_seeds(server, EngineRequest(3, (1, 2), temperature=0.0), law)
        assert len(table.asked) == asked


def test_a_law_that_is_nearly_certain_may_give_one_answer():
    rows = np.full((4, 4, 4), 1e-5)
    rows[..., 2] = 1.0 - 3e-5
    with serving(TableServer(TableModel(rows))) as table, open_server(table.url) as server:
        check_seeds(server, REQUEST, server.next_law(REQUEST, ()))
        assert "nearly certain" in server.notices[0]
