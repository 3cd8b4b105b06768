"""A file's scaling of positions against Transformers' own rope of the configuration it was written from."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch
from models.architectures import CONTEXT, llama_config, random_ids, tiny_model, tiny_tokenizer
from models.gguf_files import write_gguf
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf.positions import llama3_factors
from specdec_lib.models.loader import load_model

LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def linear(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


def yarn(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(4.0)
    writer.add_rope_scaling_orig_ctx_len(CONTEXT // 4)


def llama3(writer):
    factors = llama3_factors(500000.0, 8, factor=8.0, **LLAMA3)
    writer.add_tensor("rope_freqs.weight", factors.astype(np.float32))


SCALED = {
    "linear": (linear, {"rope_theta": 10000.0, "rope_type": "linear", "factor": 4.0}),
    "yarn": (yarn, {
        "rope_theta": 10000.0, "rope_type": "yarn", "factor": 4.0,
        "original_max_position_embeddings": CONTEXT // 4,
    }),
    "llama3": (llama3, {"rope_theta": 500000.0, "rope_type": "llama3", "factor": 8.0, **LLAMA3}),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALED)
def test_a_scaled_model_has_the_logits_of_the_one_that_it_was_written_from(tmp_path, name):
    more, rope = SCALED[name]
    model, ids = tiny_model(llama_config(rope_parameters=rope)), random_ids(CONTEXT)
    loaded, _ = load_model(
        str(write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer(), more=more)), "float32"
    )
    plain = tiny_model(
        llama_config(rope_parameters={"rope_theta": rope["rope_theta"], "rope_type": "default"})
    )
    with torch.no_grad():
        logits, wanted, unscaled = (m(ids).logits for m in (loaded, model, plain))
    torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)
    assert (unscaled - wanted).abs().max() > 1e-2


def test_factors_are_those_of_transformers():
    config = llama_config(head_dim=64, rope_parameters=SCALED["llama3"][1])
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = 500000.0 ** -(torch.arange(0, 64, 2, dtype=torch.float64) / 64)
    factors = llama3_factors(500000.0, 64, factor=8.0, **LLAMA3)
    np.testing.assert_allclose(plain.numpy() / scaled.double().numpy(), factors, rtol=1e-5)
    assert factors[0] == 1 and factors[-1] == 8 and len(set(factors)) > 4


def test_what_is_not_known_is_refused_by_name(tmp_path):
    def other_factors(writer):
        writer.add_tensor("rope_freqs.weight", np.linspace(1, 8, 4, dtype=np.float32))

    def tuned_yarn(writer):
        yarn(writer)
        writer.add_rope_scaling_yarn_beta_fast(16.0)

    def half_longrope(writer):
        writer.add_tensor("rope_factors_long.weight", np.ones(4, np.float32))

    refused = {
        "factors that are not Llama 3's": other_factors,
        r"scales its positions by 'yarn' \(.*yarn_beta_fast\)": tuned_yarn,
        "lacks a part of its longrope": half_longrope,
        "scales its positions by 'su'": lambda w: [
            w.add_string("llama.rope.scaling.type", "su"), w.add_rope_scaling_factor(2.0)
        ],
    }  # fmt: skip
    for number, (said, more) in enumerate(refused.items()):
        path = write_gguf(tmp_path / f"{number}.gguf", tiny_model("llama"), tiny_tokenizer(), more=more)
        with pytest.raises(ModelUnavailable, match=said):
            load_model(str(path))
