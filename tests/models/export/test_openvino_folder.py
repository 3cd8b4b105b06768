"""What cannot be written for OpenVINO is refused before its packages are asked for anything."""

from __future__ import annotations

import pytest
from models.architectures import CONFIGS, llama_config, tiny_model, tiny_tokenizer

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.export.openvino_folder import OPENVINO_KINDS, write_openvino


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (CONFIGS["gpt2"], "for OpenVINO: it is a gpt2"),
        (CONFIGS["mistral (sliding window)"], "window of 6"),
        (llama_config(hidden_act="gelu"), "hidden_act is gelu"),
    ],
)
def test_refusals_name_the_engine_and_the_reason(tmp_path, model, said):
    with pytest.raises(ModelUnavailable, match=said):
        write_openvino(tmp_path / "out", tiny_model(model), tiny_tokenizer())
    assert not (tmp_path / "out").exists()


def test_an_unknown_width_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match="'bf16' for OpenVINO; choose from: f32, f16"):
        write_openvino(tmp_path / "out", tiny_model("llama"), tiny_tokenizer(), "bf16")
    assert "gpt2" not in OPENVINO_KINDS
