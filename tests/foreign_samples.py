"""What engines print of their speculation, in their formats; the numbers are made up, and agree.

Forty rounds of four: 40 drafts of 160 tokens, of which 90 were accepted, by position 32, 26, 19 and 13.
"""

from __future__ import annotations

import json

VLLM = """\
# HELP vllm:spec_decode_num_drafts_total Number of spec decoding drafts.
# TYPE vllm:spec_decode_num_drafts_total counter
vllm:spec_decode_num_drafts_total{engine="0",model_name="m/a b"} 40.0
vllm:spec_decode_num_drafts_created{engine="0",model_name="m/a b"} 1.7645e+09
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m/a b"} 160.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m/a b"} 90.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a b",position="0"} 32.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a b",position="1"} 26.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a b",position="2"} 19.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a b",position="3"} 13.0
vllm:generation_tokens_total{engine="0",model_name="m/a b"} 137.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="m/a b"} 2.0
vllm:inter_token_latency_seconds_bucket{engine="0",le="0.01",model_name="m/a b"} 0.0
vllm:inter_token_latency_seconds_bucket{engine="0",le="+Inf",model_name="m/a b"} 45.0
vllm:inter_token_latency_seconds_count{engine="0",model_name="m/a b"} 45.0
vllm:inter_token_latency_seconds_sum{engine="0",model_name="m/a b"} 0.9
vllm:request_decode_time_seconds_sum{engine="0",model_name="m/a b"} 0.9
vllm:request_decode_time_seconds_count{engine="0",model_name="m/a b"} 2.0
vllm:request_generation_tokens_sum{engine="0",model_name="m/a b"} 137.0
vllm:request_generation_tokens_count{engine="0",model_name="m/a b"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="m/a b"} NaN
"""
VLLM_ANSWER = {
    "id": "cmpl-1",
    "choices": [{"text": "…", "finish_reason": "length"}],
    "usage": {"completion_tokens": 131},
    "metrics": {
        "mean_itl_ms": 6.5,
        "speculative_decoding": {
            "mean_acceptance_length": 3.25,
            "draft_acceptance_rate": 0.5625,
            "acceptance_histogram": [8, 6, 7, 6, 13],
            "num_spec_steps": 40,
            "num_accepted_draft_tokens": 90,
            "num_draft_tokens": 160,
            "num_spec_tokens": 4,
        },
    },
}
VLLM_LOG = (
    "INFO 11-29 10:00:00 [metrics.py:101] SpecDecoding metrics: Mean acceptance length: 3.25, Accepted "
    "throughput: 9.00 tokens/s, Drafted throughput: 16.00 tokens/s, Accepted: 90 tokens, Drafted: 160 "
    "tokens, Per-position acceptance rate: 0.800, 0.650, 0.475, 0.325, Avg Draft acceptance rate: 56.2%\n"
)
SGLANG = """\
sglang:spec_verify_calls_total{engine_type="unified",model_name="m",tp_rank="0"} 40.0
sglang:generation_tokens_total{is_streaming="false",model_name="m"} 131.0
sglang:generation_tokens_total{is_streaming="true",model_name="m"} 0.0
sglang:num_requests_total{is_streaming="false",model_name="m"} 1.0
sglang:spec_accept_length{model_name="m"} 3.25
sglang:spec_num_steps{model_name="m"} 4.0
sglang:spec_num_draft_tokens{model_name="m"} 5.0
sglang:inter_token_latency_seconds_sum{model_name="m"} 0.845
sglang:inter_token_latency_seconds_count{model_name="m"} 130.0
"""
SGLANG_ANSWER = {
    "text": "…",
    "meta_info": {
        "id": "1",
        "completion_tokens": 131,
        "spec_verify_ct": 40,
        "spec_accept_length": 3.275,
        "spec_accept_rate": 0.5625,
        "spec_num_correct_drafts": 90,
        "spec_num_proposed_drafts": 160,
        "spec_correct_drafts_histogram": [8, 6, 7, 6, 13],
    },
}
SGLANG_LOG = (
    "[2026-11-29 10:00:00] Decode batch, #running-req: 1, #token: 162, token usage: 0.01, accept len: 3.25, "
    "accept rate: 0.56, cuda graph: True, gen throughput (token/s): 131.00, #queue-req: 0, \n"
)
LLAMA = """\
# HELP llamacpp:spec_decode_num_drafts_total Speculative: Total speculative decoding verification steps
# TYPE llamacpp:spec_decode_num_drafts_total counter
llamacpp:spec_decode_num_drafts_total 40
llamacpp:spec_decode_num_draft_tokens_total 160
llamacpp:spec_decode_num_accepted_tokens_total 90
llamacpp:tokens_predicted_total 131
llamacpp:tokens_predicted_seconds_total 0.845
llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="0"} 32
llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="1"} 26
llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="2"} 19
llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="3"} 13
"""
LLAMA_ANSWER = {
    "content": "…",
    "timings": {
        "prompt_n": 12,
        "predicted_n": 131,
        "predicted_ms": 845.0,
        "predicted_per_token_ms": 6.5,
        "draft_n": 160,
        "draft_n_accepted": 90,
    },
}
LLAMA_LOG = """\
slot print_timing: id  0 | task 0 | prompt eval time =      21.10 ms /    12 tokens (    1.76 ms per token)
slot print_timing: id  0 | task 0 |        eval time =     845.00 ms /   131 tokens (    6.50 ms per token)
slot print_timing: id 0 | draft acceptance = 0.56250 (   90 accepted /   160 generated), mean len =  3.25
"""
LLAMA_OLD_LOG = "draft acceptance rate = 0.56250 (   90 accepted /   160 generated)\n"
LLAMA_EXAMPLE = """\
decoded  130 tokens in    0.845 seconds, speed:  153.846 t/s

n_draft   = 4
n_predict = 130
n_drafted = 160
n_accept  = 90
accept    = 56.250%
"""
OPENVINO = {
    "num_accepted_tokens": 90,
    "num_draft_tokens": 160,
    "num_rejected_tokens": 70,
    "num_generated_tokens": 131,
    "main_model_metrics": {"num_generated_tokens": 131, "num_iterations": 41, "latency_ms": 21.1},
    "draft_model_metrics": {"num_generated_tokens": 160, "num_iterations": 161, "latency_ms": 1.4},
}
ALL = {
    "vllm": VLLM,
    "vllm answer": json.dumps(VLLM_ANSWER),
    "vllm log": VLLM_LOG,
    "sglang": SGLANG,
    "sglang answer": json.dumps(SGLANG_ANSWER),
    "sglang log": SGLANG_LOG,
    "llama.cpp": LLAMA,
    "llama.cpp answer": json.dumps(LLAMA_ANSWER),
    "llama.cpp log": LLAMA_LOG,
    "llama.cpp old log": LLAMA_OLD_LOG,
    "llama.cpp example": LLAMA_EXAMPLE,
    "openvino": json.dumps(OPENVINO),
}
"""Every sample as a text."""
