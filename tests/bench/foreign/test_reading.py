"""Files of other engines: each sample says what it says, in any shape; two scrapes are subtracted."""

from __future__ import annotations

import json

import foreign_samples as samples
import pytest
from listener import listening, whole

from specdec_lib.bench.foreign import reading, sentences
from specdec_lib.bench.foreign.openvino import openvino_document
from specdec_lib.bench.foreign.reading import read_foreign, run_of_text
from specdec_lib.errors import InvalidArgument, RecordError, SpecDecError
from specdec_lib.theory.dialects import acceptance_named as named
from specdec_lib.theory.dialects import acceptances


@pytest.mark.parametrize("name", [name for name in samples.ALL if name != "sglang log"])
def test_every_sample_tells_the_same_draft_tokens(name):
    tally = run_of_text(samples.ALL[name], name).tally
    assert (tally.num_draft_tokens, tally.num_accepted_tokens) == (160, 90)
    if tally.num_drafts is not None:
        assert tally.num_drafts == 40 and named(acceptances(tally), "acceptance_length").value == 3.25


WITH_POSITIONS = ("vllm", "vllm answer", "vllm log", "sglang answer", "llama.cpp")


@pytest.mark.parametrize("name", WITH_POSITIONS)
def test_those_that_tell_positions_determine_alpha(name):
    run = run_of_text(samples.ALL[name], name)
    assert run.tally.accepted_at == (32, 26, 19, 13) and run.tally.k == 4
    alpha = named(acceptances(run.tally), "alpha")
    assert (alpha.value, alpha.basis) == (90 / (90 + 27), "counted")


def test_vllm_counts_a_round_a_latency_and_tells_both_times():
    run = run_of_text(samples.VLLM, "m")
    assert run.engine == "vllm" and run.tally.num_steps == 45
    assert run.round_ms == pytest.approx(20.0) and run.token_ms == pytest.approx(900 / 135)
    assert named(acceptances(run.tally), "tokens_per_step").value == pytest.approx(135 / 45)
    assert sentences.SINCE_START in run.notes


def test_labels_of_several_engines_are_added_up():
    two = samples.VLLM + samples.VLLM.replace('engine="0"', 'engine="1"')
    run = run_of_text(two, "m")
    assert run.tally.num_drafts == 80 and run.tally.accepted_at == (64, 52, 38, 26)
    assert sentences.ADDED_UP.format(2) in run.notes


def test_positions_of_one_engine_of_two_are_left_out():
    lines = [line for line in samples.VLLM.splitlines() if "per_pos" not in line]
    run = run_of_text(samples.VLLM + "\n".join(lines).replace('engine="0"', 'engine="1"') + "\n", "m")
    assert run.tally.num_drafts == 80 and run.tally.accepted_at is None


def test_a_scrape_between_two_increments_loses_its_positions_alone():
    run = run_of_text(samples.VLLM.replace('position="3"} 13.0', 'position="3"} 12.0'), "m")
    assert run.tally.accepted_at is None and run.tally.num_accepted_tokens == 90
    assert named(acceptances(run.tally), "alpha").basis == "assumed"
    assert sentences.ONE_MOMENT.format("positions") in run.notes


def test_sglang_s_accept_length_has_the_first_token_in_it():
    for text in (samples.SGLANG, json.dumps(samples.SGLANG_ANSWER)):
        found = acceptances(run_of_text(text, "m").tally)
        assert named(found, "emitted_per_draft").value == 131 / 40 == 3.275
        assert named(found, "acceptance_length").value == 3.25


def test_sglang_s_tree_tells_no_rate_of_nodes():
    run = run_of_text(
        samples.SGLANG.replace('draft_tokens{model_name="m"} 5.0', 'draft_tokens{model_name="m"} 9.0'), "m"
    )
    assert run.tally.num_draft_tokens is None and run.tally.k == 4
    assert sentences.A_TREE.format(8, 4) in run.notes


def test_sglang_s_log_has_rates_alone():
    run = run_of_text(samples.SGLANG_LOG.replace("3.25", "2.00") + samples.SGLANG_LOG, "m")
    assert run.told_length == 3.25 and run.tally.num_drafts is None


def test_llama_cpp_answers_tell_no_rounds_until_somebody_says_k():
    run = run_of_text(json.dumps(samples.LLAMA_ANSWER), "m")
    assert run.tally.num_drafts is None and run.tally.num_steps == 40 and run.token_ms == 6.5
    told = run.with_length(4)
    assert told.tally.num_drafts == 40 and sentences.TAKEN_AS.format(4) in told.notes
    with pytest.raises(RecordError, match="no whole number of drafts of 7"):
        run.with_length(7)


def test_several_answers_are_pooled_and_a_stream_is_its_last_part():
    line = json.dumps(samples.LLAMA_ANSWER)
    for text in (f"{line}\n{line}\n", f"[{line}, {line}]"):
        run = run_of_text(text, "m")
        assert (run.tally.num_draft_tokens, run.tally.num_texts, run.token_ms) == (320, 2, pytest.approx(6.5))
    half = json.dumps(
        {"timings": {"predicted_n": 60, "predicted_ms": 1.0, "draft_n": 80, "draft_n_accepted": 50}}
    )
    run = run_of_text(f"data: {half}\n\ndata: {line}\n\ndata: [DONE]\n", "m")
    assert run.tally.num_draft_tokens == 160 and sentences.LAST_OF_A_STREAM in run.notes


def test_lines_of_a_log_are_added_up():
    assert run_of_text(samples.VLLM_LOG * 3, "m").tally.num_drafts == 120
    assert run_of_text(samples.LLAMA_LOG * 3, "m").tally.num_drafts == 120


def test_detailed_rounds_of_vllm_tell_drafts_of_any_length():
    answer = json.loads(json.dumps(samples.VLLM_ANSWER))
    answer["metrics"]["speculative_decoding"] |= {
        "per_step_accepted": [1, 0, 2],
        "per_step_drafted": [1, 3, 2],
    }
    tally = run_of_text(json.dumps(answer), "m").tally
    assert (
        tally.outcomes == {(1, 1, False): 1, (3, 0, False): 1, (2, 2, False): 1} and tally.num_rejections == 1
    )


# -- two scrapes -----------------------------------------------------------------------------------


def scraped(tmp_path, **texts) -> list[str]:
    paths = []
    for name, text in texts.items():
        paths.append(str(tmp_path / f"{name}.txt"))
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf8")
    return paths


def doubled(text: str) -> str:
    lines = [line.rsplit(" ", 1) for line in text.splitlines()]
    return "".join(f"{a} {float(b) * 2:g}\n" if not a.startswith("#") else f"{a} {b}\n" for a, b in lines)


@pytest.mark.parametrize("name", ["vllm", "sglang", "llama.cpp"])
def test_what_was_counted_between_two_scrapes_is_their_difference(tmp_path, name):
    later = doubled(samples.ALL[name]).replace(
        'spec_num_steps{model_name="m"} 8', 'spec_num_steps{model_name="m"} 4'
    )
    later = later.replace(
        'spec_num_draft_tokens{model_name="m"} 10', 'spec_num_draft_tokens{model_name="m"} 5'
    )
    run = read_foreign(scraped(tmp_path, before=samples.ALL[name], after=later))
    one = run_of_text(samples.ALL[name], "m")
    assert run.tally == one.tally and run.token_ms == pytest.approx(one.token_ms)
    assert sentences.SINCE_START not in run.notes


def test_a_server_that_was_started_anew_is_seen(tmp_path):
    paths = scraped(tmp_path, before=doubled(samples.VLLM), after=samples.VLLM)
    with pytest.raises(RecordError, match="fell from 80 to 40: the server was started anew"):
        read_foreign(paths)
    with pytest.raises(RecordError, match="is not there any more"):
        read_foreign(
            scraped(tmp_path, before=samples.VLLM, after=samples.VLLM.replace('engine="0"', 'engine="7"'))
        )
    with pytest.raises(RecordError, match=r"is of vllm, and .* of llama\.cpp"):
        read_foreign(scraped(tmp_path, before=samples.VLLM, after=samples.LLAMA))
    with pytest.raises(RecordError, match="no scrape of /metrics"):
        read_foreign(scraped(tmp_path, before=samples.VLLM, after=samples.VLLM_LOG))
    with pytest.raises(InvalidArgument, match="3 sources"):
        read_foreign(paths + paths[:1])


# -- from a server ---------------------------------------------------------------------------------


def test_an_address_is_asked_for_its_metrics_and_nothing_else():
    with listening(whole(samples.LLAMA.encode())) as server:
        for path in ("", "/", "/metrics", "/v1", "/v1/"):
            assert read_foreign([f"{server.url}{path}"]).tally.num_drafts == 40
    assert [head.split(b" ")[:2] for head in server.heads] == [[b"GET", b"/metrics"]] * 5


def test_a_server_without_metrics_is_told_how_to_have_them():
    for status in ("404 Not Found", "501 Not Implemented"):
        with (
            listening(whole(b"<html></html>", status)) as server,
            pytest.raises(RecordError, match="--metrics") as caught,
        ):
            read_foreign([server.url])
        assert "html" not in str(caught.value)


# -- what cannot be read ---------------------------------------------------------------------------


def second(text: str, without: str) -> str:
    """The lines of another engine, one counter left out."""
    lines = [line for line in text.splitlines() if f"num_{without}{{" not in line]
    return "\n".join(lines).replace('engine="0"', 'engine="1"') + "\n"


BAD = {
    "empty": "",
    "words": "hello\nworld",
    "page": "<html></html>",
    "vllm without a draft": "vllm:generation_tokens_total 5\n",
    "cut": samples.VLLM[:400],
    "cut in a number": samples.VLLM[: samples.VLLM.index(" 90.0") + 2],
    "llama.cpp cut in a number": samples.LLAMA[: samples.LLAMA.index(" 90") + 2],
    "a second engine without drafts": samples.VLLM + second(samples.VLLM, "drafts_total"),
    "a second engine without accepted": samples.VLLM + second(samples.VLLM, "accepted_tokens_total"),
    "nan": samples.VLLM.replace(" 160.0", " NaN"),
    "infinity": samples.VLLM.replace(" 160.0", " +Inf"),
    "negative": samples.VLLM.replace(" 160.0", " -160"),
    "half": samples.VLLM.replace(" 160.0", " 160.5"),
    "huge": samples.VLLM.replace(" 160.0", " 1e300"),
    "python's": samples.VLLM.replace(" 160.0", " 1_60"),
    "more accepted": samples.VLLM.replace(" 160.0", " 80"),
    "twice": samples.VLLM * 2,
    "position x": samples.VLLM.replace('position="2"', 'position="x"'),
    "position 9": samples.VLLM.replace('position="2"', 'position="9"'),
    "label open": samples.VLLM.replace('model_name="m/a b"}', 'model_name="m/a b}'),
    "llama.cpp never drafted": samples.LLAMA.replace(" 160", " 0").replace(" 90", " 0").replace(" 40", " 0"),
    "json cut": json.dumps(samples.LLAMA_ANSWER)[:-3],
    "json nan": json.dumps(samples.LLAMA_ANSWER).replace("160", "NaN"),
    "json text": json.dumps(samples.LLAMA_ANSWER).replace("160", '"160"'),
    "json true": json.dumps(samples.LLAMA_ANSWER).replace("160", "true"),
    "json negative": json.dumps(samples.LLAMA_ANSWER).replace("160", "-160"),
    "json nothing drafted": json.dumps(samples.LLAMA_ANSWER).replace("160", "0"),
    "json deep": "[" * 5000 + "]" * 5000,
    "json twice": '{"timings": {"predicted_n": 1, "predicted_n": 2}}',
    "json else": '{"a": 1}',
    "vllm histogram": json.dumps(samples.VLLM_ANSWER).replace("[8, 6, 7, 6, 13]", '"8"'),
    "vllm histogram less": json.dumps(samples.VLLM_ANSWER).replace("[8, 6, 7, 6, 13]", "[8, 6, 7, 6, 14]"),
    "vllm missing": json.dumps(samples.VLLM_ANSWER).replace("num_spec_steps", "steps"),
    "vllm time": json.dumps(samples.VLLM_ANSWER).replace("6.5", '"fast"'),
    "sglang text": json.dumps(samples.SGLANG_ANSWER).replace('_verify_ct": 40', '_verify_ct": "40"'),
    "openvino list": json.dumps(samples.OPENVINO | {"main_model_metrics": 3}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_one_line(name):
    with pytest.raises(RecordError) as told:
        run_of_text(BAD[name], "file.txt")
    assert "\n" not in str(told.value) and "file.txt" in str(told.value) and len(str(told.value)) < 260


@pytest.mark.parametrize("name", samples.ALL)
def test_no_cut_and_no_changed_character_is_a_traceback(name):
    """Each text cut at many places, and each of its digits replaced by what is none."""
    text = samples.ALL[name]
    wrong = [text[:at] for at in range(0, len(text), max(1, len(text) // 60))]
    places = [at for at, one in enumerate(text) if one.isdigit()]
    for at in places[:: max(1, len(places) // 40)]:
        wrong += [
            text[:at] + other + text[at + 1 :] for other in ("-", "NaN", "9" * 40, "\x00", '"', "1e999", "é")
        ]
    read = 0
    for one in wrong:
        try:
            run_of_text(one, "f")
            read += 1
        except SpecDecError as error:
            assert "\n" not in str(error)
    assert 0 < read < len(wrong)


def places_of(document, at=()):
    """Every place of a document: the keys and indices that lead to it."""
    yield at
    parts = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, part in parts:
        yield from places_of(part, (*at, key))


WRONG = (None, [], {}, "x", True, -1, 1.5, 1e300, 10**25, [[1]], {"a": 1}, [5000] * 5000)


@pytest.mark.parametrize(
    "answer", [samples.VLLM_ANSWER, samples.SGLANG_ANSWER, samples.LLAMA_ANSWER, samples.OPENVINO]
)
def test_whatever_stands_in_the_place_of_a_field_is_one_line(answer):
    detailed = json.loads(json.dumps(answer))
    if "metrics" in detailed:
        detailed["metrics"]["speculative_decoding"] |= {
            "per_step_accepted": [1, 0],
            "per_step_drafted": [1, 3],
        }
    for place in places_of(detailed):
        for wrong in WRONG:
            changed = {"": json.loads(json.dumps(detailed))}
            part = changed
            for key in ("", *place)[:-1]:
                part = part[key]
            part[("", *place)[-1]] = wrong
            try:
                run = run_of_text(json.dumps(changed[""]), "f")
                acceptances(run.tally)
            except RecordError as error:
                assert "\n" not in str(error) and len(str(error)) < 260


def test_large_and_odd_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_MIB", 1)
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, said in (
        ("large", "larger than 1 MiB"),
        ("binary", "no text"),
        ("", "is a folder"),
        ("no", "cannot be"),
    ):
        with pytest.raises(RecordError, match=said):
            read_foreign([str(tmp_path / name)])
    with pytest.raises(RecordError, match="cannot be read"):
        read_foreign(["a\x00b"])


def detailed_of(numbers):
    """Rounds that are all of another kind."""
    rounds = [(number % 4000, 4096 + number // 4000) for number in numbers]
    told = {"per_step_accepted": [a for a, _ in rounds], "per_step_drafted": [k for _, k in rounds]}
    return {"speculative_decoding": {"num_spec_tokens": 4, **told}}


def test_rounds_of_many_kinds_are_counted_soon():
    answer = detailed_of(range(60_000))
    answer["speculative_decoding"]["per_step_drafted"] = [4096 - n // 4000 for n in range(60_000)]
    told = answer["speculative_decoding"]
    told["per_step_accepted"] = [
        min(a, k) for a, k in zip(told["per_step_accepted"], told["per_step_drafted"], strict=True)
    ]
    run = run_of_text(json.dumps(answer), "f")
    assert run.tally.num_drafts == 60_000 and len(acceptances(run.tally)) > 3 * 4000


def test_hostile_sizes_end_soon():
    """No regular expression, no list of lists takes more than a line's worth of time a line."""
    for text in (
        "vllm:spec_decode_num_drafts_total{" + 'a="b",' * 200_000,
        "[" + "[]," * 300_000 + "[]]",
        "draft acceptance = " * 100_000,
        "SpecDecoding metrics: Mean acceptance length: 1.0, " * 50_000,
        "n_drafted = " * 100_000,
        "data: {" * 50_000,
        json.dumps(detailed_of(range(20_000))),
    ):
        with pytest.raises(RecordError):
            run_of_text(text, "f")


# -- OpenVINO's object -----------------------------------------------------------------------------


class _Mean:
    mean = 21.1


class _Model:
    raw_metrics = type("Raw", (), {"m_durations": [1.0] * 41})

    def get_latency(self):
        return _Mean

    def get_num_generated_tokens(self):
        return 131


class _Metrics:
    main_model_metrics = _Model()

    def get_num_accepted_tokens(self):
        return 90

    def get_num_draft_tokens(self):
        return 160


def test_openvino_s_object_becomes_a_document_that_is_read():
    document = openvino_document(_Metrics())
    run = run_of_text(json.dumps(document), "m")
    assert (run.tally.num_steps, run.round_ms, run.tally.num_accepted_tokens) == (40, 21.1, 90)
    named_as_getters = {f"get_{name}" if name.startswith("num") else name: v for name, v in document.items()}
    assert run_of_text(json.dumps(named_as_getters), "m").tally == run.tally


def test_an_address_without_a_scheme_is_asked_back():
    with pytest.raises(RecordError, match=r"did you mean http://127.0.0.1:8091\?"):
        read_foreign(["127.0.0.1:8091"])
