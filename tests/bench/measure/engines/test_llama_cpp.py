"""The command of a server that is timed."""

from __future__ import annotations

from pathlib import Path

from specdec_lib.bench.measure.engines.llama_cpp import TEXT_LIMITS, timed_server_command


def test_one_slot_the_threads_and_the_caches_of_the_pair():
    plain = timed_server_command(Path("/p"), Path("/t"), 512, 2, "bf16")
    told = dict(zip(plain[1:-1:2], plain[2:-1:2], strict=True))
    assert plain[0] == "/p" and told["-m"] == "/t" and told["-np"] == "1" and told["-c"] == "512"
    assert {told[name] for name in ("-t", "-tb")} == {"2"}
    assert {told[name] for name in ("-ctk", "-ctv")} == {"bf16"} and "--spec-type" not in plain


def test_a_draft_of_so_many_tokens_with_threads_and_caches_alike():
    plain = timed_server_command(Path("/p"), Path("/t"), 512, 2, "f32")
    drafting = timed_server_command(Path("/p"), Path("/t"), 512, 2, "f32", Path("/d"), 5)
    more = [part for part in drafting if part not in plain]
    assert {"/d", "draft-simple", "5"} <= set(more)
    told = dict(zip(drafting[1:-1:2], drafting[2:-1:2], strict=True))
    assert told["--spec-draft-n-max"] == "5" and told["--spec-draft-p-min"] == "0"
    assert told["-td"] == told["-tbd"] == "2" and told["-ctkd"] == told["-ctvd"] == "f32"


def test_no_text_is_asked_for_slowly_a_second_time():
    assert TEXT_LIMITS.repeats == 1 and TEXT_LIMITS.pause <= 0.01
