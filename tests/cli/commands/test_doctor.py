"""``specdec doctor``: what it finds, and that it never waits for long."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from specdec_lib.cli.commands import doctor
from specdec_lib.cli.commands.doctor import Check
from specdec_lib.cli.views import fit
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import stored
from specdec_lib.models.registry import REGISTRY, ModelPair
from specdec_lib.utils.paths import data_path

POCKET = data_path("models")


@pytest.fixture
def offline(monkeypatch) -> None:
    """Nobody answers, at once."""
    monkeypatch.setattr(doctor, "check_hub", lambda: Check("hub", "note", "cannot be reached"))
    monkeypatch.setattr(doctor, "check_ollama", lambda: Check("Ollama", "note", "no server"))
    monkeypatch.setattr(doctor, "is_cached", lambda model_id: model_id.startswith("Qwen"))


def test_the_report_fits_80_columns_and_names_what_matters(specdec, offline) -> None:
    shown = specdec("doctor")
    assert shown.code == 0 and shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 80
    for word in ("torch", "transformers", "memory", "GPU", "compiler", "embedded pair", "hub", "Ollama"):
        assert word in shown.out or word == "memory"
    rows = {line.split()[0]: line for line in shown.out.splitlines() if line.strip()}
    assert rows["pocket"].rstrip().endswith("ready")
    assert rows["qwen3"].rstrip().endswith("downloaded")
    assert rows["gpt2_dev"].rstrip().endswith("hub not reached")
    assert rows["phi3_llama3"].rstrip().endswith("needs translation")


def test_json(specdec, offline) -> None:
    document = specdec("doctor", "--json").document
    assert {check["name"]: check["status"] for check in document["checks"]}["embedded pair"] == "ok"
    assert 0 < document["memory"]["free_gib"] <= document["memory"]["total_gib"]
    assert [row["pair"] for row in document["pairs"]] == list(REGISTRY)
    for row in document["pairs"]:
        assert list(row["needs_gib"]) == ["as listed", "float32", "bfloat16", "int4"]
        free = document["memory"]["free_gib"]
        assert all(
            row["fits"][dtype] == (need <= free) for dtype, need in row["needs_gib"].items() if need > 0.1
        )


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_an_embedded_pair_that_cannot_be_read_is_named_and_ends_with_1(
    specdec, offline, monkeypatch, tmp_path: Path, damage: str
) -> None:
    if damage == "damaged":
        shutil.copytree(POCKET / "pocket-target", tmp_path / "models" / "pocket-target")
        (tmp_path / "models" / "pocket-target" / "model.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(stored, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    shown = specdec("doctor")
    assert shown.code == 1
    assert "✗  embedded pair  pocket-target" in shown.out and damage in shown.out
    assert "pocket               missing" in " ".join(shown.out.split("  ")) or "missing" in shown.out


def test_who_does_not_answer_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE", 0.1)
    never = threading.Event()
    hub, other = doctor._ask({"hub": lambda: never.wait(60), "Ollama": lambda: Check("Ollama", "ok", "here")})
    never.set()
    assert (hub.status, hub.detail) == ("note", "no answer within 0.1 s")
    assert other.status == "ok"


def test_no_hub_and_no_ollama_are_facts_not_failures(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert doctor.check_hub().status == "note"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in doctor.check_hub().detail
    for host in ("127.0.0.1:9", "not a host"):
        monkeypatch.setenv("OLLAMA_HOST", host)
        assert doctor.check_ollama().status == "note"


def test_a_compiler_or_what_to_do_without(monkeypatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name if name == "clang++" else None)
    assert doctor.check_compiler().detail.startswith("clang++")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert "--no-compile" in doctor.check_compiler().detail


# -- memory ----------------------------------------------------------------------------------------


def test_every_model_of_the_registry_has_a_size() -> None:
    for pair in REGISTRY.values():
        for model_id in (pair.target_model_id, pair.draft_model_id):
            assert fit.parameters_of(model_id) > 10**5
    assert fit.parameters_of("org/unheard-of") is None


def test_needs_are_weights_and_a_fifth() -> None:
    pair = ModelPair("p", "small", "big", "float16", "float32")
    sizes = fit.Size(1000, 200), fit.Size(100, 100)
    needs = {need.dtype: need.gib * fit.GIB / 1.2 for need in fit.needs(pair, *sizes)}
    packed = 800 * 0.53125 + 2 * (200 + 100)
    assert needs == pytest.approx({"as listed": 4200, "float32": 4400, "bfloat16": 2200, "int4": packed})


def test_of_each_listed_model_it_is_known_what_int4_packs() -> None:
    for pair in REGISTRY.values():
        for model_id in (pair.target_model_id, pair.draft_model_id):
            size = fit.size_of(model_id)
            assert 0 < size.unpacked < size.parameters
    assert fit.UNPACKED_MILLIONS.keys() == fit.MILLIONS.keys() and fit.size_of("org/unheard-of") is None


def test_a_model_that_is_both_counts_once() -> None:
    pair, big = ModelPair("p", "big", "big", "int4", "float32"), fit.Size(1000, 360)
    needs = {need.dtype: need.gib * fit.GIB / 1.2 for need in fit.needs(pair, big, big)}
    assert needs == pytest.approx({"as listed": 5060, "float32": 4000, "bfloat16": 2000, "int4": 1060})


def test_weights_are_counted_without_being_read() -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folder = POCKET / "pocket-draft"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert fit.count_weights(folder / "model.safetensors") == model.num_parameters()


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some-model" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"\x00" * 20)
    with pytest.raises(ModelUnavailable, match="some-model: its weights are damaged"):
        fit.count_weights(path)


# -- a target without a draft model ----------------------------------------------------------------

MINE = """
import torch
from specdec_lib.decoding.drafters.base import Proposal

class Repeat:
    context_length, name = None, "repeat"

    def __init__(self, target):
        self.vocab_size = target.vocab_size

    def start(self, prompt_ids, end=0):
        return self

    def roll_back(self, keep_length):
        pass

    def propose(self, context_ids, k, params, generator):
        return self.proposal([context_ids[-1]] * k)

    def proposal(self, ids):
        ids = torch.tensor(ids, dtype=torch.long)
        return Proposal(ids, torch.nn.functional.one_hot(ids, self.vocab_size).float())

class Silent(Repeat):
    def propose(self, context_ids, k, params, generator):
        return self.proposal([])

class Broken(Repeat):
    def propose(self, context_ids, k, params, generator):
        return 1 / 0

class Raising(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise RuntimeError("one\\ntwo\\nthree")

class Wordless(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise BrokenPipeError

class Leaving(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise SystemExit("enough")

class Negative(Repeat):
    def proposal(self, ids):
        made = super().proposal(ids)
        made.probs[:, 0] += 1
        made.probs[:, 1] -= 1
        return made

class Zeros(Repeat):
    def proposal(self, ids):
        return Proposal(super().proposal(ids).ids, torch.zeros(len(ids), self.vocab_size))

class Lawless(Repeat):
    def proposal(self, ids):
        return Proposal(super().proposal(ids).ids, None)

class Narrow(Repeat):
    def __init__(self, target):
        self.vocab_size = target.vocab_size - 1
"""


@pytest.mark.parametrize(
    ("name", "code", "status", "said"),
    [
        ("Repeat", 0, "ok", "'repeat' proposes: "),
        ("Silent", 0, "note", "proposed nothing for 'the cat sat"),
        ("Broken", 1, "bad", "the drafter raised ZeroDivisionError: division by zero ("),
        ("Broken", 1, "bad", "mine_to_look_at.py, line 30)"),
        ("Raising", 1, "bad", "the drafter raised RuntimeError: one two three ("),
        ("Wordless", 1, "bad", "the drafter raised BrokenPipeError ("),
        ("Leaving", 1, "bad", "the drafter raised SystemExit: enough ("),
        ("Negative", 1, "bad", "row 0 of its probs sums to 1, from -1 on"),
        ("Zeros", 1, "bad", "row 0 of its probs sums to 0, from 0 on"),
        ("Lawless", 1, "bad", "propose gave no probs at temperature 0.7"),
        ("Narrow", 1, "bad", "256"),
        ("Nobody", 1, "bad", "no attribute 'Nobody'"),
    ],
)
def test_a_drafter_of_ones_own_is_asked(
    specdec, own, tmp_path: Path, monkeypatch, name: str, code: int, status: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_look_at.py").write_text(MINE)
    shown = specdec("doctor", *own[:2], "--drafter", f"mine_to_look_at:{name}", "--json")
    checks = {check["name"]: check for check in shown.document["checks"]}
    assert shown.code == code and list(checks) == ["target", "memory", "drafter"]
    assert checks["drafter"]["status"] == status and said in checks["drafter"]["detail"]
    assert "\n" not in checks["drafter"]["detail"]


def test_a_drafter_is_not_tried_on_a_target_that_does_not_run(specdec, monkeypatch) -> None:
    def unreachable(*arguments, **options) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    shown = specdec("doctor", "--target", "nobody/never-made", "--drafter", "json:JSONDecoder", "--json")
    checks = {check["name"]: check["status"] for check in shown.document["checks"]}
    assert shown.code == 1 and checks == {"target": "bad", "memory": "note", "drafter": "note"}


def test_a_target_alone_needs_the_memory_of_one_model(specdec, own) -> None:
    alone = specdec("doctor", *own[:2], "--autoregressive", "--json").document
    both = specdec("doctor", *own, "--json").document
    assert list(alone["models"]) == ["target"] and alone["vocabulary"] == "no draft model"
    weights = alone["models"]["target"]["parameters"]
    assert alone["needs_gib"]["as asked"] == pytest.approx(1.2 * 4 * weights / fit.GIB, abs=1e-3)
    assert [check["name"] for check in alone["checks"]] == ["target", "memory"]
    assert alone["checks"][0] == both["checks"][0]
    shown = " ".join(specdec("doctor", *own[:2], "--autoregressive").out.split())  # lines may end anywhere
    assert f"{weights / 1e3:.1f} k parameters" in shown and "MiB of" in shown and "0.00" not in shown


def test_an_option_that_would_be_left_out_is_refused(specdec, own) -> None:
    shown = specdec("doctor", *own[:2], "--autoregressive", "--drafter", "json:JSONDecoder")
    assert shown.code == 2 and "give one of them" in shown.err and shown.err.count("\n") == 1


def test_the_help_says_what_happens_without_a_pair(specdec) -> None:
    said = " ".join(specdec("doctor", "--help").out.replace("│", " ").split())
    assert "[default: the machine, and all pairs]" in said and "[default: pocket]" not in said
