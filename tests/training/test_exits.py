"""An exit is trained on what its target writes: it learns, resumes, and changes nothing of the target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from models.architectures import save_model

from specdec_lib.decoding.drafters.heads.exit_folder import load_exit
from specdec_lib.decoding.drafters.heads.trained_exit import open_exit
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.loader import load_model
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.training import exits

TEXTS = [f"the cat {i} sat on the mat, the cat ran to {i * i}" for i in range(40)]


@pytest.fixture
def target(tmp_path: Path) -> ModelWrapper:
    return ModelWrapper(*load_model(str(save_model(tmp_path / "target")), "float32"))


def test_it_learns_and_its_folder_drafts(target, tmp_path, monkeypatch):
    monkeypatch.setattr(exits, "BATCH", 4)
    before = target.weights_hash
    reports, said = [], []
    trained = exits.train_exit(
        target, 1, TEXTS, tmp_path / "exit", tokens=6_000, report=reports.append, say=said.append
    )
    assert trained.trained > trained.untrained + 0.02
    assert reports[-1].step == reports[-1].num_steps and reports[-1].figures["acceptance"] > 0
    assert target.weights_hash == before
    found = load_exit(str(tmp_path / "exit"))
    assert (found.facts.layers, found.facts.depth, found.facts.target) == (1, 2, target.name)
    card = (tmp_path / "exit" / "README.md").read_text()
    assert f"{trained.untrained:.3f} untrained, {trained.trained:.3f} trained" in card
    assert open_exit(str(tmp_path / "exit"), target).num_layers == 1
    texts = np.load(tmp_path / "exit" / "work" / "held-out.npy")
    again = exits.acceptance(target, 1, found.adapter, texts)
    assert again == pytest.approx(trained.trained, abs=1e-3)

    monkeypatch.setattr(exits, "write_rollouts", lambda *given, **more: pytest.fail("written again"))
    resumed = exits.train_exit(target, 1, TEXTS, tmp_path / "exit", tokens=6_000)
    assert resumed.trained == pytest.approx(trained.trained, abs=1e-6)
    with pytest.raises(InvalidArgument, match="holds the work of another exit"):
        exits.train_exit(target, 1, TEXTS[1:], tmp_path / "exit", tokens=6_000)


def test_acceptance_of_everything_kept_is_that_of_the_target_itself(target):
    texts = torch.randint(0, 200, (3, 9)).numpy()
    adapter = exits.ExitAdapter(32, 1)
    assert exits.acceptance(target, 2, adapter, texts) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("layers", [0, 2, 3])
def test_layers_that_there_are_not(target, tmp_path, layers):
    with pytest.raises(
        InvalidArgument, match=f"--exit is {layers}, and target has 2 layers; give at least 1"
    ):
        exits.train_exit(target, layers, TEXTS, tmp_path / "exit")
    assert not (tmp_path / "exit").exists()


def test_too_little_text(target, tmp_path):
    with pytest.raises(InvalidArgument, match=r"2 texts leave \d+ tokens to learn from"):
        exits.train_exit(target, 1, ["a", "b"], tmp_path / "exit")
    with pytest.raises(InvalidArgument, match="has no tokenizer"):
        exits.train_exit(ModelWrapper(target.model), 1, TEXTS, tmp_path / "exit")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidArgument, match="give a folder for the exit"):
        exits.train_exit(target, 1, TEXTS, tmp_path / "file")
