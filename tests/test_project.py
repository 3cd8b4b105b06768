"""The project's own promises: its files agree with each other, imports stay cheap, floors stay floors."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from specdec_lib.decoding.trace import Round

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]

TOP_LEVEL = {
    ".ci", ".devcontainer", ".gitattributes", ".github", ".gitignore", ".pre-commit-config.yaml",
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "_config.yml",
    "_toc.yml", "book", "constraints.txt", "data", "environment.yml", "findings", "notebooks",
    "pyproject.toml", "specdec_lib", "tests",
}  # fmt: skip

SAME_NAMES = {
    "main": "of every module that `python -m` runs",
    "run": "of every command: its module's name says which",
}
"""Public names that two modules define, and why they may."""


def python(code: str) -> str:
    """What a fresh interpreter prints for ``code``."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def pins() -> dict[str, str]:
    """The pinned version of every package in constraints.txt, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def conda_environment() -> tuple[list[str], list[str]]:
    """What environment.yml asks of conda, and what of pip."""
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))["dependencies"]
    pip = [lines for entry in wanted if isinstance(entry, dict) for lines in entry["pip"]]
    return [entry for entry in wanted if isinstance(entry, str)], pip


# --- files that must agree ---------------------------------------------------------------------------------


def test_conda_environment_installs_this_package_with_every_extra():
    conda, pip = conda_environment()
    assert {"pip", "make"} <= set(conda)
    (package,) = [line for line in pip if line.startswith("--editable")]
    assert set(re.search(r"\[(.+)\]", package)[1].split(",")) == set(EXTRAS)
    assert set(EXTRAS) == {"gpu", "sweep", "cluster", "gguf", "results", "dev"}
    assert "--constraint constraints.txt" in pip


def test_conda_python_is_one_that_the_package_supports():
    (wanted,) = [entry for entry in conda_environment()[0] if entry.startswith("python")]
    version = re.fullmatch(r"python=(\d+\.\d+)", wanted)[1]
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_every_requirement_is_pinned_to_a_version_that_it_allows():
    pinned = pins()
    requirements = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    for requirement in map(Requirement, [*requirements, *PYPROJECT["build-system"]["requires"]]):
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}, pinned to {version}"


def test_constraints_are_exact_plain_and_name_no_host():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    bad = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)]
    assert bad == []
    assert pins()["torch"] == "2.13.0"


def test_versions_of_the_package_agree():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == PROJECT["version"]
    assert citation["version"] == PROJECT["version"]
    assert python("import specdec_lib; print(specdec_lib.__version__)") == PROJECT["version"]


def test_top_level_holds_what_the_design_lists_and_nothing_else():
    run = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {line.split("/")[0] for line in run.stdout.splitlines()} == TOP_LEVEL


def test_readme_tree_names_every_top_level_entry():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    settings = {".devcontainer", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"}
    named = TOP_LEVEL - settings - {"README.md"}
    assert {name for name in named if name not in readme} == set()


def test_readme_is_short_and_its_links_and_pictures_are_there():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    assert len(readme.split()) <= 700
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert (ROOT / picture).stat().st_size <= 150_000
    assert [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if not (ROOT / link).is_file()] == []


def test_readme_example_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    (example,) = re.findall(r"```python\n(.+?)```", readme, re.DOTALL)
    slow, fast = python(example).splitlines()
    assert slow.startswith("AR ") and fast.startswith("SD ")


def test_wheel_carries_the_embedded_pair_its_recipe_and_the_prompts(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for part in ("configs", "models", "prompts"):
        shipped = {path for path in (ROOT / "data" / part).rglob("*") if path.is_file()}
        assert shipped
        assert {f"specdec_lib/_data/{path.relative_to(ROOT / 'data')}" for path in shipped} <= held
    assert "specdec_lib/_data/results/pocket.jsonl" in held  # `specdec explain` falls back on it
    assert "specdec_lib/_data/notebooks/benchmark_pair.ipynb" in held  # what a sweep runs
    assert not [name for name in held if name.startswith(("tests/", "data/", "notebooks/", "book/"))]


# --- what runs elsewhere -----------------------------------------------------------------------------------


def test_every_action_is_pinned_by_its_commit_and_says_its_version():
    lines = [
        line.strip()
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text(encoding="utf8").splitlines()
        if "uses:" in line
    ]
    assert lines
    pinned = r"(- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [line for line in lines if not re.fullmatch(pinned, line)] == []


def test_hooks_before_a_commit_run_the_pinned_tools():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/") and (BIN / Path(program).name).is_file(), hook["id"]


def test_devcontainer_has_a_python_that_the_package_supports():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf8"))
    version = re.search(r"python:(\d+\.\d+)", container["image"])[1]
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert container["postCreateCommand"] == "make env"


def test_oldest_transformers_of_compat_is_the_oldest_that_the_package_allows():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    (oldest,) = re.findall(r"oldest: WANTED := transformers==(.+)\.\*", makefile)
    (allowed,) = [line for line in PROJECT["dependencies"] if line.startswith("transformers")]
    assert f">={oldest}," in allowed


# --- imports -----------------------------------------------------------------------------------------------


def test_an_import_points_only_to_a_lower_floor():
    run = subprocess.run([BIN / "lint-imports"], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_importing_the_library_imports_nothing_else():
    names = "from specdec_lib import *"  # every public name, so that laziness hides nothing
    packages = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    bare, with_library = (set(python(f"{code}{packages}").split()) for code in ("", "import specdec_lib; "))
    assert with_library - bare - set(sys.stdlib_module_names) == {"specdec_lib"}
    assert python(f"{names}\nimport sys; print('plotly' in sys.modules)") == "False"


def test_optional_weight_stays_off_the_core_import_path():
    """One process imports them one after the other, and says after each what it has loaded."""
    modules = ["specdec_lib", *(f"specdec_lib.{name}" for name in ("decoding.speculative", "models.loader"))]
    optional = {"plotly", "ipywidgets", "papermill", "dask", "bitsandbytes", "datasets", "gguf", "IPython"}
    loaded = f"sorted(set(sys.modules) & {optional})"
    code = "import sys\n" + "".join(f"import {name}; print('{name}', {loaded})\n" for name in modules)
    assert python(code).splitlines() == [f"{name} []" for name in modules]


def test_help_answers_without_torch():
    code = (
        "import sys; sys.argv = ['specdec', '--help']\n"
        "from specdec_lib.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    assert python(code).splitlines()[-1] in ("[]", "['numpy']")


def defined(statement: ast.stmt) -> list[str]:
    """The functions, classes, types and other values to which a statement gives a name; an import to none."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        inside = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        return [name.id for name in inside if isinstance(name.ctx, ast.Store)]
    return []


def public_names(code: str) -> list[str]:
    """What a module defines for others; constants aside, whose module is read with them."""
    names = [name for statement in ast.parse(code).body for name in defined(statement)]
    return [name for name in names if not name.startswith("_") and not name.isupper()]


def test_public_names_are_functions_classes_and_types_however_they_are_written():
    code = """
from a import Imported
Alias = Mapping[str, Any]
annotated: Build = maker
Row, (Cell, _) = NamedTuple("Row", []), pair
CONSTANT = _hidden = held.attribute = 1
def function(): inner = 1
class Class: field: int = 0
"""
    assert public_names(code) == ["Alias", "annotated", "Row", "Cell", "function", "Class"]


def test_names_are_unique():
    """One public name, one thing: who greps for it finds it, and nothing else."""
    homes = defaultdict(list)
    for path in sorted((ROOT / "specdec_lib").rglob("*.py")):
        for name in set(public_names(path.read_text(encoding="utf8"))):
            homes[name].append(str(path.relative_to(ROOT)))
    shared = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert {name: paths for name, paths in shared.items() if name not in SAME_NAMES} == {}
    assert SAME_NAMES.keys() <= shared.keys()


MOST_LINES = 260
SOURCES = {".py", ".js", ".css", ".html"}


def test_no_file_of_the_library_is_longer_than_a_reader_keeps_in_mind():
    """Scripts, styles and pages of the live figures too."""
    files = [path for path in (ROOT / "specdec_lib").rglob("*") if path.suffix in SOURCES]
    assert {path.suffix for path in files} == SOURCES
    lengths = {path: len(path.read_text(encoding="utf8").splitlines()) for path in files}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


MOST_FILES = 12


def test_no_room_holds_more_files_than_a_reader_looks_through():
    """Beside its ``__init__``; a room of more is two rooms."""
    files = [path for path in (ROOT / "specdec_lib").rglob("*.py") if path.name != "__init__.py"]
    rooms = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    assert {room: number for room, number in rooms.items() if number > MOST_FILES} == {}


# --- notebooks ---------------------------------------------------------------------------------------------


def code_cells(path: Path) -> list[dict]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_names_no_machine(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    text = path.read_text(encoding="utf8")
    assert re.findall(r"/home/\w+|/root/|/tmp/|/Users/\w+|[A-Z]:\\\\Users", text) == []
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_was_run_from_top_to_bottom_and_nothing_went_wrong(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


def test_parameterised_notebooks_are_stored_without_outputs():
    parameterised = set(NOTEBOOKS) - set(CHAPTERS)
    assert {path.stem for path in parameterised} == {"benchmark_pair", "peers"}
    for path in parameterised:
        cells = code_cells(path)
        assert [cell for cell in cells if cell.outputs or cell.execution_count] == []
        assert [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])] == cells[:1]


def test_every_chapter_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    files = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    assert [name for name in files if not list(ROOT.glob(f"{name}.*"))] == []
    assert {f"notebooks/{path.stem}" for path in CHAPTERS} <= set(files)


def test_no_line_of_a_chapter_scrolls_beside_the_books_margins():
    """At 1440 pixels a cell that is shown takes 89 characters, and one that is folded away 87."""
    for path in CHAPTERS:
        lines = [line for cell in code_cells(path) for line in cell.source.splitlines()]
        assert [line for line in lines if len(line) > 87] == [], path.name


FOLDS = {"hide-input", "hide-cell"}
OPENING = 12  # lines of code, folded, before a chapter's first section
RUN = 6  # code cells without a word between them


def tags(cell: dict) -> set[str]:
    return set(cell.metadata.get("tags", []))


PEEKS = {"len", "list", "max", "min", "set", "sorted", "tuple", "zip", ".items", ".keys", ".values"}


def only_asserts(statement: ast.stmt, in_loop: bool = False) -> bool:
    """An assert, or what names a thing for one: what a loop checks, or what is there already.

    Something computed at the top of a cell is a step of the chapter, and is shown.
    """
    match statement:
        case ast.For(body=body) | ast.With(body=body):
            loop = in_loop or isinstance(statement, ast.For)
            return isinstance(body[-1], ast.Assert | ast.For) and all(only_asserts(one, loop) for one in body)
        case ast.Assign(value=value):
            calls = (call.func for call in ast.walk(value) if isinstance(call, ast.Call))
            return in_loop or {getattr(f, "id", f".{getattr(f, 'attr', '')}") for f in calls} <= PEEKS
    return isinstance(statement, ast.Assert)


def is_a_check(cell: dict) -> bool:
    body = ast.parse(cell.source).body
    return isinstance(body[-1], ast.Assert | ast.For | ast.With) and all(map(only_asserts, body))


ONLY_OF_ROUNDS = {field.name for field in dataclasses.fields(Round)} - {"kind", "seconds"}


def rounds_called_step(code: str) -> list[str]:
    """Where a round is a ``step``: made as one, met among rounds, or asked for what only a round has."""
    found = []
    for node in ast.walk(ast.parse(code)):
        name, holds_round = None, False
        if isinstance(node, ast.For | ast.comprehension):
            name, holds_round = node.target, re.search(r"\brounds\b", ast.unparse(node.iter))
        elif isinstance(node, ast.Assign):
            name, holds_round = node.targets[0], re.match(r"\w*Round\(", ast.unparse(node.value))
        elif isinstance(node, ast.Attribute):
            name, holds_round = node.value, node.attr in ONLY_OF_ROUNDS
        if holds_round and "step" in {part.id for part in ast.walk(name) if isinstance(part, ast.Name)}:
            found.append(ast.unparse(node).strip())
    return found


def test_a_round_that_is_called_step_is_found_and_other_steps_are_not():
    for code in ("step = Round([1], 'bonus')", "step.num_accepted", "for step, n in zip(rounds, kept): ..."):
        assert rounds_called_step(code), code
    other = "for step in narrate(trace): print(step.kind)\nstep = 1.25\n[round_ for round_ in trace.rounds]"
    assert rounds_called_step(other) == []


def test_a_round_is_never_called_a_step():
    sources = {path.stem: "\n".join(cell.source for cell in code_cells(path)) for path in NOTEBOOKS}
    for folder in ("specdec_lib", "tests", "findings"):
        sources |= {path: path.read_text(encoding="utf8") for path in (ROOT / folder).rglob("*.py")}
    found = {place: rounds_called_step(code) for place, code in sources.items()}
    assert {place: names for place, names in found.items() if names} == {}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_an_opening_is_short_since_what_can_be_reused_is_in_the_library(path):
    cells = nbformat.read(path, as_version=4).cells
    begins = (cell.cell_type == "markdown" and re.search("^## ", cell.source, re.M) for cell in cells)
    first = next(n for n, found in enumerate(begins) if found)
    opening = [cell for cell in cells[:first] if cell.cell_type == "code" and "parameters" not in tags(cell)]
    lines = [line for cell in opening for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= OPENING


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_six_code_cells_follow_each_other_without_a_word(path):
    kinds = "".join(cell.cell_type[0] for cell in nbformat.read(path, as_version=4).cells)
    assert "c" * RUN not in kinds


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_cell_that_only_asserts_is_folded(path):
    asserting = filter(is_a_check, code_cells(path))
    assert [cell.source for cell in asserting if not tags(cell) & FOLDS] == []


def test_figures_of_the_chapters_load_nothing_from_elsewhere():
    for path in CHAPTERS:
        for cell in code_cells(path):
            html = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
            assert "cdn." not in json.dumps(html), path.name


@pytest.mark.parametrize(
    ("where", "pattern"),
    [("tests/conftest.py", "tests/**/*.py"), ("book/_ext/execution.py", "notebooks/*.ipynb")],
)
def test_what_is_to_begin_first_is_there(where, pattern):
    (listed,) = re.findall(r"^LONGEST = \((.+?)^\)", (ROOT / where).read_text(encoding="utf8"), re.M | re.S)
    names = re.findall(r'"(\w+)"', listed)
    assert names and set(names) <= {path.stem for path in ROOT.glob(pattern)}
