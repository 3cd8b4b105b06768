"""``specdec audit``: three ways to ask an engine, its table and sentence, documents and exit codes."""

from __future__ import annotations

import sys
import textwrap
import threading

import pytest
from table_server import TableServer, send, serving

from specdec_lib.cli.auditing import AuditOrder, sentences
from specdec_lib.cli.options import ModelOptions
from specdec_lib.lossless.laws.table_model import TableModel

MODEL = TableModel.random(5, seed=1)
DRAFT = MODEL.near(seed=2, weight=0.9)
COUNT = ["--samples", "400", "--at-once", "2"]
SMALL = ["-n", "2", "-k", "1"]
pytestmark = pytest.mark.unchecked


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """A module of functions: one right, one wrong, one that raises."""
    (tmp_path / "their_engines.py").write_text(
        textwrap.dedent(
            """
            import os
            import random
            import signal
            import time

            import torch

            from specdec_lib import AutoregressiveDecoder, load_pair

            PLAIN = AutoregressiveDecoder(load_pair("pocket").target)


            def right(prompt_ids, num_tokens, temperature, top_k, seed):
                asked = {"temperature": temperature, "top_k": top_k}
                return PLAIN.generate(prompt_ids, num_tokens, **asked).generated_ids


            def hotter(prompt_ids, num_tokens, temperature, top_k, seed):
                return right(prompt_ids, num_tokens, 1.3 * temperature, top_k, seed)


            def hidden(prompt_ids, num_tokens, temperature, top_k, seed):
                import numpy as np
                draws, ids = np.random.default_rng(seed), list(prompt_ids)
                for _ in range(num_tokens):
                    logits, _ = PLAIN.target.forward(torch.tensor([ids]), use_cache=False, logits_to_keep=1)
                    row = (logits[0, -1].double() / temperature).topk(top_k)
                    ids.append(int(draws.choice(row.indices.numpy(), p=row.values.softmax(0).numpy())))
                return ids[len(prompt_ids):]


            def partly_hidden(prompt_ids, num_tokens, temperature, top_k, seed):
                first = right(prompt_ids, 1, temperature, top_k, seed)
                return first + hidden([*prompt_ids, *first], num_tokens - 1, temperature, top_k, seed)


            def warm(prompt_ids, num_tokens, top_k, seed):
                return PLAIN.generate(prompt_ids, num_tokens, temperature=1.0, top_k=top_k).generated_ids


            def whole(prompt_ids, num_tokens, temperature):
                return PLAIN.generate(prompt_ids, num_tokens, temperature=temperature).generated_ids


            def same(prompt_ids, num_tokens):
                return [5] * num_tokens


            CALLS = []


            def hangs(prompt_ids, num_tokens, temperature, top_k=None, seed=0):
                CALLS.append(seed)
                while len(CALLS) > 150:
                    time.sleep(60)
                return right(prompt_ids, num_tokens, temperature, top_k, seed)


            def hangs_until_ctrl_c(prompt_ids, num_tokens, temperature, top_k=None, seed=0):
                CALLS.append(seed)
                if len(CALLS) > 45:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(600)
                return right(prompt_ids, num_tokens, temperature, top_k, seed)


            def hangs_at_once(prompt_ids, num_tokens, temperature, top_k=None, seed=0):
                time.sleep(600)


            def lookup(prompt_ids, num_tokens, temperature, top_k, seed, residual=True):
                # drafts what followed the last token before; wrong without the residual law
                ids, end = list(prompt_ids), len(prompt_ids) + num_tokens
                while len(ids) < end:
                    earlier = [at for at, one in enumerate(ids[:-1]) if one == ids[-1]]
                    logits, _ = PLAIN.target.forward(torch.tensor([ids]), use_cache=False, logits_to_keep=1)
                    row = (logits[0, -1].double() / temperature).topk(top_k)
                    law = torch.zeros(logits.shape[-1], dtype=torch.float64)
                    law[row.indices] = row.values.softmax(0)
                    if earlier:
                        draft = ids[earlier[-1] + 1]
                        if bool(torch.rand(()) < law[draft]):
                            ids.append(draft)
                            continue
                        if residual:
                            law[draft] = 0.0
                    ids.append(int(torch.multinomial(law, 1)))
                return ids[len(prompt_ids):]


            def wrong_lookup(prompt_ids, num_tokens, temperature, top_k, seed):
                return lookup(prompt_ids, num_tokens, temperature, top_k, seed, residual=False)


            def broken(prompt_ids, num_tokens):
                raise RuntimeError("no such kernel")
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("their_engines", None)
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


@pytest.fixture
def prompts(tmp_path):
    """Texts that a table model can read."""
    (tmp_path / "prompts.txt").write_text("abca\n")
    return ["--prompts", tmp_path / "prompts.txt"]


# -- a server --------------------------------------------------------------------------------------


@pytest.fixture
def plain():
    with serving(TableServer(MODEL)) as there:
        yield there


def test_a_right_server(specdec, plain, prompts):
    with serving(TableServer(MODEL, DRAFT, speculates="exact")) as there:
        shown = specdec("audit", there.url, "--plain", plain.url, *COUNT, *prompts, "-n", "3", "--seed", "1")
        assert shown.code == 0, shown.err
        assert "is exact as far as seen" in " ".join(shown.out.split()) and "joint law" in shown.out
        document = specdec("audit", there.url, "--plain", plain.url, *COUNT, *prompts, "--json").document
    assert document["verdict"] == "exact as far as seen" and document["exit_code"] == 0
    assert document["num_samples"] == 400 and document["num_drafted"] > 0
    assert document["asked"]["plain"] == plain.url


def test_a_server_that_tells_no_draft_counts_is_said_to(specdec, plain, prompts):
    with serving(TableServer(MODEL)) as there:
        asked = ["audit", there.url, "--plain", plain.url, *COUNT, *prompts]
        shown = specdec(*asked)
        said = "does not tell whether anything was drafted"
        assert shown.code == 0 and said in shown.err
        assert any(said in one for one in specdec(*asked, "--json").document["notices"])
    with serving(TableServer(MODEL, DRAFT, speculates="exact")) as there:
        assert said not in specdec("audit", there.url, "--plain", plain.url, *COUNT, *prompts).err


def test_a_wrong_server(specdec, plain, prompts):
    with serving(TableServer(MODEL, DRAFT, speculates="wrong")) as there:
        samples = ["--samples", "3000", "--at-once", "2", *prompts]
        shown = specdec("audit", there.url, "--plain", plain.url, *samples)
    assert shown.code == 1 and "REJECTED" in shown.out
    assert "is not exact" in " ".join(shown.out.split())


def garbled(change, path="/completion"):
    """What answers a request for a law by ``change`` of the document; ``path``: where."""

    def answer(connection, asked, document):
        if asked != path or not isinstance(document, dict) or "completion_probabilities" not in document:
            return False
        change(connection, document)
        return True

    return answer


def _with_sum(connection, document):
    rows = document["completion_probabilities"][0]["top_logprobs"]
    send(connection, 200, document | {"completion_probabilities": [{"top_logprobs": [
        row | {"logprob": -0.2} for row in rows
    ]}]})  # fmt: skip


def _with_nan(connection, document):
    document["completion_probabilities"][0]["top_logprobs"][0]["logprob"] = float("nan")
    send(connection, 200, document)


@pytest.mark.parametrize(
    "change",
    [
        _with_sum,
        _with_nan,
        lambda connection, _: send(connection, 200, "<html>a portal</html>"),
        lambda connection, _: send(connection, 401, {"error": "no key"}),
        lambda connection, _: send(connection, 302, "", ("Location", "http://127.0.0.1:9/")),
    ],
    ids=["sum", "nan", "html", "401", "redirect"],
)
def test_a_law_that_is_garbage_is_an_error_at_the_first_request_too(specdec, plain, prompts, change):
    with serving(TableServer(MODEL, in_place=garbled(change))) as control:
        shown = specdec("audit", plain.url, "--plain", control.url, *COUNT, *prompts)
    assert (shown.code, shown.out) == (2, "") and control.url.removeprefix("http://") in shown.err


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, document: send(connection, 200, document | {"completion_probabilities": None}),
        lambda connection, _: send(connection, 400, {"error": {"message": "n_probs is not supported"}}),
    ],
    ids=["null", "400"],
)
def test_a_law_that_is_not_told_is_a_notice(specdec, plain, prompts, change):
    with serving(TableServer(MODEL, in_place=garbled(change))) as control:
        document = specdec("audit", plain.url, "--plain", control.url, *COUNT, *prompts, "--json").document
    assert any(sentences.NO_LAW_TOLD.split("{}")[0] in said for said in document["notices"])
    assert document["exit_code"] == 0 and document["num_listed"] is None


def test_drafts_of_which_none_is_accepted_are_said(specdec, plain, prompts):
    def none_accepted(connection, path, document):
        if path == "/completion" and "timings" in document:
            document["timings"] |= {"draft_n": 2, "draft_n_accepted": 0}
        return False

    with serving(TableServer(MODEL, in_place=none_accepted)) as there:
        shown = specdec("audit", there.url, "--plain", plain.url, *COUNT, *prompts)
        assert shown.code == 0 and "drafted 800 tokens and accepted none" in " ".join(shown.err.split())
        few = ["--samples", "60", "--at-once", "2", *prompts]
        assert "accepted none" not in specdec("audit", there.url, "--plain", plain.url, *few).err


def test_completions_by_text_ask_for_the_weights_by_their_option(specdec, prompts):
    paths = frozenset(("/v1/models", "/v1/completions"))
    one, other = (TableServer(MODEL, owner="vllm", paths=paths) for _ in range(2))
    with serving(one) as there, serving(other) as by:
        shown = specdec("audit", there.url, "--plain", by.url, *COUNT, *prompts, "-t", "1", "-n", "2")
    assert (shown.code, shown.out) == (2, "") and "--target MODEL or --pair PAIR" in shown.err


def test_a_control_that_speculates_tells_no_law(specdec, prompts):
    one, other = (TableServer(MODEL, DRAFT, speculates="exact") for _ in range(2))
    with serving(one) as there, serving(other) as beside:
        document = specdec("audit", there.url, "--plain", beside.url, *COUNT, *prompts, "--json").document
    assert any(sentences.NO_LAW_TOLD.split("{}")[0] in said for said in document["notices"])


def test_a_server_that_answers_nonsense_is_one_line(specdec, plain):
    def nonsense(connection, path, document):
        connection.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{not json")
        return True

    with serving(TableServer(MODEL, in_place=nonsense)) as there:
        shown = specdec("audit", there.url, "--plain", plain.url, *COUNT)
    assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert there.url in shown.err


# -- in this process -------------------------------------------------------------------------------


def test_a_mode_of_generate(specdec):
    shown = specdec("audit", "hf:early-exit", *SMALL)
    assert shown.code == 0 and "exact law" in shown.out and "is exact on what" in " ".join(shown.out.split())


def test_the_trials_of_a_mode_are_told_apart(specdec):
    shown = specdec("audit", "hf:lookup", *SMALL)
    words = " ".join(shown.out.split())
    assert "replays" in words and "seed 1" in words
    checks = specdec("audit", "hf:lookup", *SMALL, "--json").document["checks"]
    assert len({(one["test"], one["verifier"]) for one in checks}) == len(checks) == 8


def test_a_mode_that_is_not_exact(specdec):
    document = specdec("audit", "hf:ensemble", *SMALL, "--json").document
    assert document["verdict"] == "not exact" and document["exit_code"] == 1 and document["is_lossy"]


def test_a_mode_on_a_pair(specdec, own):
    options = [*own, "--device", "cpu", "--prompts", "1", "-n", "2", "-k", "1", "--top-k", "2"]
    document = specdec("audit", "hf:draft", *options, "--json").document
    assert document["verdict"] == "exact" and len(document["checks"]) == 2
    counted = specdec("audit", "hf:draft", *options, "--count", "--samples", "40", "--json").document
    assert counted["num_samples"] == 40 and counted["exit_code"] in (0, 2)


def test_a_function_summed_and_counted(specdec, engines):
    few = ["--prompts", "1", "-n", "2", "--pair", "pocket", "--device", "cpu"]
    shown = specdec("audit", "their_engines:right", "--exact", *few, "--top-k", "2")
    assert shown.code == 0, shown.err
    shown = specdec("audit", "their_engines:hotter", "--exact", *few, "--top-k", "3")
    assert shown.code == 1 and "is not exact" in " ".join(shown.out.split())
    document = specdec(
        "audit", "their_engines:hotter", "--plain", "their_engines:right", *few, "--samples", "1000", "--json"
    ).document
    assert document["verdict"] == "not exact" and document["control"] == "their_engines:right"


def test_the_prompts_without_a_name_let_a_lookup_draft_stand(specdec, engines):
    few = ["--exact", "-n", "1", "--pair", "pocket", "--device", "cpu", "--json"]
    assert specdec("audit", "their_engines:lookup", *few).document["exit_code"] == 0
    document = specdec("audit", "their_engines:wrong_lookup", *few).document
    assert document["exit_code"] == 1 and document["distance"] > 0.1


def test_a_function_without_a_temperature_is_judged_at_1_and_told_so(specdec, engines):
    few = ["--exact", "--prompts", "1", "-n", "2", "--pair", "pocket", "--device", "cpu", "--top-k", "3"]
    shown = specdec("audit", "their_engines:warm", *few)
    said = sentences.TAKES_NO_TEMPERATURE.format("their_engines:warm")
    assert shown.code == 0 and said in shown.err
    shown = specdec("audit", "their_engines:warm", *few, "-t", "0.5")
    said = sentences.IS_NOT_TOLD.format("their_engines:warm", "temperature", "0.5")
    assert shown.code == 1 and said in shown.err
    document = specdec("audit", "their_engines:warm", *few, "-t", "0.5", "--json").document
    assert said in document["notices"] and document["exit_code"] == 1


def test_what_could_not_be_audited_is_not_called_rejected(specdec, engines):
    few = ["--prompts", "1", "-n", "2", "--pair", "pocket", "--device", "cpu", "--samples", "400"]
    shown = specdec("audit", "their_engines:same", *few)
    words = " ".join(shown.out.split())
    assert shown.code == 2 and "could not be audited" in words and "not met" in words
    assert "rejected:" not in words and "REJECTED" not in words


def test_a_function_that_takes_no_top_k(specdec, engines):
    few = ["--prompts", "1", "-n", "1", "--pair", "pocket", "--device", "cpu"]
    shown = specdec("audit", "their_engines:whole", "--exact", *few)
    assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1) and "keyword top_k" in shown.err
    counted = [*few, "--samples", "400", "--top-k", "2", "--json"]
    document = specdec("audit", "their_engines:whole", *counted).document
    assert sentences.IS_NOT_TOLD.format("their_engines:whole", "top_k", 2) in document["notices"]


def test_a_function_that_never_returns_is_ended_by_the_deadline(specdec, engines):
    few = ["--prompts", "1", "-n", "1", "--pair", "pocket", "--device", "cpu", "--minutes", "0.12"]
    document = specdec("audit", "their_engines:hangs", *few, "--json").document
    assert document["ended"] == "deadline" and 0 < document["num_samples"] <= 150
    few[-1] = "0.01"
    shown = specdec("audit", "their_engines:hangs_at_once", "--exact", "--top-k", "2", *few)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.splitlines()[-1].endswith("does it return?")
    shown = specdec("audit", "their_engines:hangs_at_once", *few)
    assert shown.code == 2 and "could not be audited" in " ".join(shown.out.split())
    assert not [one for one in threading.enumerate() if "_wait" in one.name]


def test_ctrl_c_during_a_call_ends_a_count_that_is_then_judged(specdec, engines):
    few = ["--prompts", "1", "-n", "1", "--pair", "pocket", "--device", "cpu"]
    document = specdec("audit", "their_engines:hangs_until_ctrl_c", *few, "--json").document
    assert document["ended"] == "interrupted" and document["num_samples"] == 45
    shown = specdec("audit", "their_engines:hangs_until_ctrl_c", *few)
    assert shown.code == 2 and "does it return?" not in shown.err


def test_ctrl_c_during_a_call_ends_a_sum(specdec, engines):
    few = ["--exact", "--prompts", "1", "-n", "3", "--pair", "pocket", "--device", "cpu", "--top-k", "4"]
    shown = specdec("audit", "their_engines:hangs_until_ctrl_c", *few)
    assert shown.code != 1 and "It was interrupted" in " ".join(shown.out.split()), shown.out


@pytest.mark.parametrize("name", ["hidden", "partly_hidden"])
def test_a_right_function_whose_draws_cannot_be_followed_is_not_convicted(specdec, engines, name):
    few = ["--prompts", "1", "-n", "3", "--pair", "pocket", "--device", "cpu", "--top-k", "3"]
    shown = specdec("audit", f"their_engines:{name}", "--exact", *few)
    assert shown.code == 2 and "could not be asked" in " ".join(shown.out.split())


def test_a_function_that_raises_is_one_line(specdec, engines):
    shown = specdec(
        "audit", "their_engines:broken", "--plain", "plain", *COUNT, "--prompts", "1", "--device", "cpu"
    )
    assert (shown.code, shown.out) == (2, "") and "RuntimeError: no such kernel" in shown.err
    assert shown.err.count("\n") == 1


def test_our_own_decoders(specdec, own):
    options = [*own, "--device", "cpu", "--samples", "60", "--prompts", "1", "--json"]
    document = specdec("audit", "ours", *options).document
    assert document["engine"] == sentences.LOCAL_ENGINE["ours"] and document["num_drafted"] > 0
    assert document["control"] == sentences.LOCAL_ENGINE["plain"]


def test_a_server_is_asked_as_often_as_the_minutes_allow():
    models = ModelOptions(None, None, None, None, None, None, "cpu")
    assert AuditOrder("http://127.0.0.1:1", models).most_samples == 40_000
    assert AuditOrder("ours", models).most_samples == AuditOrder("a:b", models).most_samples == 4_000
    assert AuditOrder("http://127.0.0.1:1", models, samples=50).most_samples == 50


# -- at temperature 0 ------------------------------------------------------------------------------


def test_tie_or_bug(specdec, own):
    few = [*own, "--device", "cpu", "--prompts", "3", "-n", "12"]
    shown = specdec("audit", "--greedy", "plain", "ours", *few)
    assert shown.code == 0 and "agree in all 3 texts" in " ".join(shown.out.split())
    document = specdec("audit", "--greedy", "hf:plain", "hf:draft", *few, "--json").document
    assert document["verdict"] == "identical" and document["num_texts"] == 3


@pytest.fixture(scope="module")
def halved(own, tmp_path_factory):
    """The options of ``own`` with a target that is stored in bfloat16."""
    from specdec_lib.models.loader import load_model

    folder = tmp_path_factory.mktemp("halved")
    model, tokenizer = load_model(own[1], "bfloat16", "cpu")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ["--target", folder, *own[2:], "--device", "cpu", "--prompts", "2"]


def test_weights_judge_in_float32_unless_another_dtype_is_named(specdec, halved):
    few = ["--greedy", "plain", "ours", *halved, "-n", "4"]
    document = specdec("audit", *few, "--json").document
    assert document["dtype"] == "float32" and "float32" in document["noise_says"]
    assert document["evidence"]["largest_noise"] < 1e-3
    shown = specdec("audit", *few, "--dtype", "bfloat16")
    assert "judge in bfloat16" in " ".join(shown.out.split())


def test_the_law_of_a_function_is_judged_in_float32_and_said(specdec, engines, halved):
    few = [*halved, "-n", "1", "--samples", "40", "--json"]
    document = specdec("audit", "their_engines:right", *few).document
    assert any("float32" in said for said in document["notices"])


def test_a_fault_at_temperature_0(specdec, tmp_path, monkeypatch):
    (tmp_path / "swaps.py").write_text(
        "from specdec_lib import AutoregressiveDecoder, load_pair\n"
        "PLAIN = AutoregressiveDecoder(load_pair('pocket').target)\n"
        "def third(prompt_ids, num_tokens):\n"
        "    ids = PLAIN.generate(prompt_ids, num_tokens, temperature=0.0).generated_ids\n"
        "    return [*ids[:2], (ids[2] + 7) % 500, *ids[3:]]\n"
    )
    monkeypatch.chdir(tmp_path)
    shown = specdec(
        "audit", "--greedy", "plain", "swaps:third", "--prompts", "3", "-n", "8", "--device", "cpu"
    )
    assert shown.code == 1 and "REJECTED" in shown.out and "Where A" in shown.out
    sys.modules.pop("swaps", None)


def test_a_fault_by_the_noise_of_float32_alone_is_undecided_where_the_dtype_is_not_known(
    specdec, tmp_path, monkeypatch
):
    (tmp_path / "coarse.py").write_text(
        "import torch\n"
        "from specdec_lib import AutoregressiveDecoder, load_pair\n"
        "PLAIN = AutoregressiveDecoder(load_pair('pocket').target)\n"
        "def nearest(prompt_ids, num_tokens):\n"
        "    ids = list(PLAIN.generate(prompt_ids, num_tokens, temperature=0.0).generated_ids)\n"
        "    rows = PLAIN.target.forward(torch.tensor([[*prompt_ids, *ids]]), use_cache=False)[0][0]\n"
        "    best = rows[len(prompt_ids) - 1 : -1].topk(2)\n"
        "    place = int((best.values[:, 0] - best.values[:, 1]).argmin())\n"
        "    return [*ids[:place], int(best.indices[place, 1]), *ids[place + 1 :]]\n"
    )
    monkeypatch.chdir(tmp_path)
    few = ["audit", "--greedy", "plain", "coarse:nearest", "--prompts", "3", "-n", "24", "--device", "cpu"]
    shown = specdec(*few, "--pair", "pocket")
    words = " ".join(shown.out.split())
    assert shown.code == 2 and "by rounding if an engine computes in bfloat16" in words, words
    named = specdec(*few, "--pair", "pocket", "--dtype", "float32")
    assert named.code == 1 and "if an engine computes" not in named.out
    sys.modules.pop("coarse", None)


# -- what is refused, before anything is loaded ----------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["http://127.0.0.1:1"], "--plain"),
        (["http://127.0.0.1:1", "--exact", "--plain", "plain"], "--count"),
        (["json:loads"], "--target"),
        (["json:loads", "--exact"], "--target"),
        (["json:loads", "--plain", "json:dumps"], "as ids"),
        (["--greedy", "json:loads", "http://127.0.0.1:1"], "as ids"),
        (["http://127.0.0.1:1", "--plain", "json:loads"], "as ids"),
        (["--greedy", "plain", "nothing"], "hf:MODE"),
        (["hf:nothing"], "unknown mode"),
        (["nothing"], "hf:MODE"),
        (["http://127.0.0.1:1", "--plain", "http://127.0.0.1:1/"], "its own control"),
        (["http://LOCALHOST:8091", "--plain", "http://127.0.0.1:8091/v1/"], "its own control"),
        (["http://localhost:8091", "--plain", "http://[::1]:8091"], "its own control"),
        (["http://Far.example", "--plain", "http://far.example:80/v1"], "its own control"),
        (["http://far.example:81/a", "--plain", "HTTP://far.example:81/a/v1"], "its own control"),
        (["127.0.0.1:8080"], "did you mean http://127.0.0.1:8080?"),
        (["localhost:8080/v1", "--plain", "plain"], "did you mean http://localhost:8080/v1?"),
        (["http://"], "names no host"),
        (["http://127.0.0.1:99999"], "its port"),
        (["no_such_module:f"], "no_such_module"),
        (["json:no_such_function"], "no_such_function"),
        (["ftp://127.0.0.1"], "hf:MODE"),
        (["HTTP://127.0.0.1:1"], "--plain"),
        (["ours", "--plain", "nothing"], "hf:MODE"),
        (["ours", "plain"], "--greedy"),
        (["--greedy", "ours"], "other"),
        (["ours", "-t", "0"], "above 0"),
        (["ours", "-t", "inf"], "finite"),
        (["ours", "--minutes", "nan"], "--minutes"),
        (["hf:universal", "--pair", "pocket"], "small models"),
        (["http://127.0.0.1:1", "--plain", "http://127.0.0.1:2"], "127.0.0.1:1"),
        (["ours", "--samples", "3"], "40"),
        (["ours", "--samples", "1000000000000"], "10000000"),
    ],
)
def test_refusals(specdec, given, said):
    shown = specdec("audit", *given)
    assert (shown.code, shown.out) == (2, "") and said in shown.err
    assert shown.err.count("\n") == 1
