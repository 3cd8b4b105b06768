"""The chapters with pairs that nobody has seen: through papermill, from another folder, to their last cell.

Two models of random weights, of which hardly a draft token is accepted and into whose context a prompt of
this project does not fit; two that share all but a few ids of a vocabulary; two of another layout; two as
training begins; one model as target and as draft; a model that drafts for itself in four bits. One chapter
runs with every `make test`, some in `.ci/run`, all of them with `make strangers` (marker ``chapters``).
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from models.architectures import CONFIGS, save_model, tiny_model, tiny_tokenizer
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from specdec_lib.models.vocabulary import relation

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
READ_RESULTS = ("16_results", "17_diagnosis")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_PREFER_ENV_PATH": "1", "OMP_NUM_THREADS": "1"}


def has_parameters(path: Path) -> bool:
    cells = nbformat.read(path, as_version=4).cells
    return any("parameters" in cell.metadata.get("tags", []) for cell in cells)


PARAMETERISED = [path.stem for path in CHAPTERS if has_parameters(path)]


def run(*arguments: object, where: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=where, env=ENVIRONMENT, capture_output=True, text=True)


def through_papermill(chapter: str, where: Path, **values: object) -> subprocess.CompletedProcess[str]:
    given = [part for name, value in values.items() for part in ("-p", name, value)]
    place, made = ROOT / "notebooks" / f"{chapter}.ipynb", where / f"{chapter}.ipynb"
    options = ("-k", "python3", "--cwd", where, "--no-progress-bar")
    return run("papermill", place, made, *options, *given, where=where)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory) -> tuple[Path, dict[str, Path]]:
    """A folder to work in, and two models in it: byte-level tokens, a context of 192."""
    where = tmp_path_factory.mktemp("strangers")
    shapes = {"target": {"num_hidden_layers": 3}, "draft": {"seed": 5}}
    return where, {
        name: save_model(where / name, max_position_embeddings=192, **shape) for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory) -> tuple[Path, dict[str, Path]]:
    """Two models that share 99 % of a vocabulary: four words are others, one token is on one side only."""
    where = tmp_path_factory.mktemp("neighbours")
    prose = (ROOT / "README.md").read_text(encoding="utf-8")
    target, draft = tiny_tokenizer(512, prose), with_swapped_words(tiny_tokenizer(512, prose), 2)
    draft.add_tokens(["[PAD]"], special_tokens=True)
    found = relation(target, draft)
    assert found.kind == "same but for named ids" and len(found.masked_ids) == 5
    assert 0.985 < found.agreement < 0.995
    given = {"target": (target, {"num_hidden_layers": 3}), "draft": (draft, {"seed": 5})}
    return where, {
        name: save_model(where / name, tokenizer, 544, max_position_embeddings=512, **shape)
        for name, (tokenizer, shape) in given.items()
    }


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> tuple[Path, dict[str, Path]]:
    """Two models of another layout: GPT-2 has other names for its parts, and its matrices are no Linear."""
    where, models = tmp_path_factory.mktemp("others"), {}
    for seed, role in enumerate(("target", "draft")):
        config = copy.deepcopy(CONFIGS["gpt2"])
        config.vocab_size, config.n_positions = 288, 192
        tiny_model(config, seed).save_pretrained(where / role)
        tiny_tokenizer().save_pretrained(where / role)
        models[role] = where / role
    return where, models


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> tuple[Path, dict[str, Path]]:
    """Two models with the weights that training begins from: all tokens are nearly alike to them."""
    where = tmp_path_factory.mktemp("fresh")
    shape = {"max_position_embeddings": 256, "initializer_range": 0.02}
    roles = enumerate(("target", "draft"))
    return where, {role: save_model(where / role, seed=seed, **shape) for seed, role in roles}


@pytest.fixture(scope="module")
def one_model(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A folder to work in, and a model in it twice: q = p, nothing is rejected, no residual is drawn from."""
    where = tmp_path_factory.mktemp("one-model")
    model, copied = (save_model(where / name, max_position_embeddings=512) for name in ("model", "copy"))
    return where, model, copied


def with_swapped_words(tokenizer: PreTrainedTokenizerFast, pairs: int) -> PreTrainedTokenizerFast:
    """The same merges; the last words of the vocabulary have each other's ids."""
    file = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = file["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.get)[-2 * pairs :]
    for one, other in zip(words[::2], words[1::2], strict=True):
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    swapped = Tokenizer.from_str(json.dumps(file))
    return PreTrainedTokenizerFast(tokenizer_object=swapped, bos_token="<|end|>", eos_token="<|end|>")


def test_every_chapter_that_loads_a_model_takes_it_from_its_parameters():
    for path in CHAPTERS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        source = "\n".join(cell.source for cell in cells)
        loads = any(f"{name}(" in source for name in ("load_pair", "open_pair", "load_results"))
        assert not loads or path.stem in PARAMETERISED or path.stem == "04_speedup_law", path.stem
        assert "set_num_threads" not in source, f"{path.stem}: threads have one rule, use_threads"
        for cell in cells:
            last = cell.source.rstrip().rpartition("\n")[2]
            assert not last.startswith("use_threads("), f"{path.stem}: it would show this machine's threads"
            if "parameters" in cell.metadata.get("tags", []):
                lines = [line.split("  #")[0] for line in cell.source.splitlines()]
                assert lines == ["pair = None", "target = None", "draft = None"], path.stem


def test_a_chapter_runs_with_a_pair_of_strangers(strangers):
    where, models = strangers
    done = through_papermill("07_speculative_loop", where, **models)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("chapter", READ_RESULTS)
def test_a_pair_without_results_is_one_line(chapter, strangers):
    where, models = strangers
    done = through_papermill(chapter, where, **models)
    assert done.returncode != 0 and "specdec bench" in done.stderr
    (cell,) = [c for c in nbformat.read(where / f"{chapter}.ipynb", 4).cells if failed(c)]
    (error,) = [output for output in cell.outputs if output.output_type == "error"]
    assert len("\n".join(error.traceback).splitlines()) == 1


def failed(cell: nbformat.NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


@pytest.mark.chapters
@pytest.mark.parametrize("chapter", [name for name in PARAMETERISED if name not in READ_RESULTS])
@pytest.mark.parametrize("pair", ["strangers", "neighbours", "others", "fresh"])
def test_every_chapter_runs_with_a_pair_of_ones_own(pair, chapter, request):
    where, models = request.getfixturevalue(pair)
    done = through_papermill(chapter, where, **models)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.chapters
@pytest.mark.parametrize("chapter", [name for name in PARAMETERISED if name not in READ_RESULTS])
@pytest.mark.parametrize("draft", ["the same folder", "a copy of it"])
def test_every_chapter_runs_with_one_model_as_both(draft, chapter, one_model):
    where, folder, twin = one_model
    given = folder if draft == "the same folder" else twin
    done = through_papermill(chapter, where, target=folder, draft=given)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.chapters
@pytest.mark.parametrize("chapter", ["07_speculative_loop", "12_floating_point", "19_other_drafts"])
def test_chapters_run_with_a_model_that_drafts_for_itself(chapter, tmp_path):
    done = through_papermill(chapter, tmp_path, pair="pocket_self")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.chapters
@pytest.mark.parametrize("chapter", READ_RESULTS)
def test_the_results_of_strangers_are_read(chapter, tmp_path):
    shape = {"max_position_embeddings": 512}
    models = {name: save_model(tmp_path / name, seed=seed, **shape) for name, seed in (("a", 0), ("b", 5))}
    own = ("--target", models["a"], "--draft", models["b"], "-k", "2,3", "-n", 8, "--repeats", 2)
    measured = run("specdec_lib", "bench", *own, "--domains", "code,conversation", where=tmp_path)
    assert measured.returncode == 0, measured.stderr[-2000:]
    done = through_papermill(chapter, tmp_path, target=models["a"], draft=models["b"])
    assert done.returncode == 0, done.stderr[-2000:]
