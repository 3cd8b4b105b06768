"""`make lab`: copies that follow the chapters, and never a word that somebody wrote lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from book_modules import load

ROOT = Path(__file__).parents[1]
LAB = ROOT / "book" / "lab"


@pytest.fixture
def copies(tmp_path: Path) -> ModuleType:
    """The module, on a repository of two chapters and a page."""
    module = load("lab/copies.py")
    module.ROOT = tmp_path / "repository"
    for name in ("notebooks/01_a.ipynb", "notebooks/02_b.ipynb", "book/notation.md"):
        module.write(module.ROOT / name, f"first {name}".encode())
    return module


def test_everything_is_copied_and_links_lead_somewhere(copies, tmp_path):
    lab = tmp_path / "lab"
    assert copies.refresh(lab) == []
    assert (lab / "notebooks/01_a.ipynb").read_text() == "first notebooks/01_a.ipynb"
    assert (lab / "book/notation.md").is_file()


def test_a_copy_that_nobody_changed_follows_its_chapter(copies, tmp_path):
    lab = tmp_path / "lab"
    copies.refresh(lab)
    (copies.ROOT / "notebooks/01_a.ipynb").write_text("second")
    assert copies.refresh(lab) == []
    assert (lab / "notebooks/01_a.ipynb").read_text() == "second"


def test_a_changed_copy_is_kept_and_the_new_version_lies_beside_it(copies, tmp_path):
    lab = tmp_path / "lab"
    copies.refresh(lab)
    edited, new = lab / "notebooks/01_a.ipynb", lab / "notebooks/01_a.new.ipynb"
    edited.write_text("mine")
    assert copies.refresh(lab) == [] and not new.exists(), "its chapter is as it was"
    (copies.ROOT / "notebooks/01_a.ipynb").write_text("second")
    (said,) = copies.refresh(lab)
    assert "kept your notebooks/01_a.ipynb" in said
    assert (edited.read_text(), new.read_text()) == ("mine", "second")
    assert copies.refresh(lab) == [] and edited.read_text() == "mine", "said once"


def test_a_copy_made_by_nobody_knows_whom_is_kept(copies, tmp_path):
    """Without the ledger nothing tells a stranger's edit from an old copy."""
    lab = tmp_path / "lab"
    copies.write(lab / "notebooks/01_a.ipynb", b"mine")
    assert len(copies.refresh(lab)) == 1
    assert (lab / "notebooks/01_a.ipynb").read_text() == "mine"


def test_a_copy_of_the_checkout_runs_nowhere_near_it(tmp_path):
    """The chapters find the library and the data from another folder, by name and not by place."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        code = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
        assert [line for line in code if '".."' in line or '"../' in line] == [], path.name


def test_jupyterlab_starts_without_news_or_updates(tmp_path):
    """What the server would tell the browser, with the project's configuration and none of the user's."""
    code = (
        "from jupyterlab.labapp import LabApp\n"
        "from jupyterlab_server.settings_utils import _get_overrides\n"
        "app = LabApp(); app.load_config_file()\n"
        "assert app.check_for_updates_class.__name__ == 'NeverCheckForUpdate', app.check_for_updates_class\n"
        "assert app.news_url is None\n"
        "overrides, error = _get_overrides(app.app_settings_dir)\n"
        "assert error == ''\n"
        "wanted = overrides['@jupyterlab/apputils-extension:notification']\n"
        "assert wanted == {'checkForUpdates': False, 'fetchNews': 'false'}, wanted\n"
    )
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(LAB), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_directives_are_drawn_in_jupyterlab():
    run = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"], capture_output=True, text=True
    )
    assert "jupyterlab-myst" in run.stdout + run.stderr


def test_make_lab_uses_them():
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make")
    said = subprocess.run([make, "-n", "lab"], cwd=ROOT, capture_output=True, text=True).stdout
    assert "book/lab/copies.py runs/lab" in said and f"JUPYTER_CONFIG_PATH={LAB}" in said
    assert f"root_dir={ROOT / 'runs' / 'lab'}" in said
