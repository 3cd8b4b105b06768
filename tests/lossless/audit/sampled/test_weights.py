"""A law from weights: warped as asked, ends under one name, each prefix read once."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineRequest, NextLaw
from specdec_lib.lossless.audit.sampled.prefixes import expand_law
from specdec_lib.lossless.audit.sampled.weights import WeightsLaw
from specdec_lib.lossless.laws.table_model import TableModel


def test_the_joint_law_is_the_models_own():
    model = TableModel.random(4, 1)
    law = expand_law(WeightsLaw(model), EngineRequest(3, (1, 2)), mass=1.0)
    exact = model.law([1, 2], 3).reshape(4, 4, 4)
    assert len(law.outcomes) == 64 and isinstance(WeightsLaw(model), NextLaw)
    assert all(exact[ids] == pytest.approx(chance, abs=1e-6) for (ids, _), chance in law.outcomes.items())


def test_temperature_and_top_k_are_those_of_the_request():
    model = TableModel.random(5, 2)
    row = np.sort(model.rows[1, 2])[::-1][:2] ** 2
    told = WeightsLaw(model).next_law(EngineRequest(1, (1, 2), temperature=0.5, top_k=2), ())
    assert sorted(told.values(), reverse=True) == pytest.approx(row / row.sum(), abs=1e-6)
    assert sum(told.values()) == pytest.approx(1, abs=1e-12)


def test_ends_are_told_together_and_each_prefix_is_read_once():
    model = TableModel.random(5, 3, eos_token_ids=(3, 4))
    law = WeightsLaw(model)
    told = law.next_law(EngineRequest(2, (1,)), (2,))
    assert set(told) == {0, 1, 2, None}
    assert told[None] == pytest.approx(model.rows[1, 2, 3:].sum(), abs=1e-6)
    law.next_law(EngineRequest(2, (1,), seed=7), (2,))
    law.next_law(EngineRequest(3, (1, 2)), ())
    assert len(model.forwards) == 1
    law.next_law(EngineRequest(2, (1,), temperature=0.9), (2,))
    assert len(model.forwards) == 2


@pytest.mark.unchecked
def test_what_cannot_be_read_is_refused():
    with pytest.raises(InvalidArgument, match="prompt_ids"):
        WeightsLaw(TableModel.random(3, 1)).next_law(EngineRequest(2, prompt_text="a"), ())
    with pytest.raises(InvalidArgument, match="audit"):
        WeightsLaw(object())
