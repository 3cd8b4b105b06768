"""A notebook that has the benchmark's parameters and makes its records by arithmetic, without a model."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK

RECORDED = """\
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session

k = k_values[0] if isinstance(k_values[0], int) else 4
asked = dict(temperature=temperatures[0], domains=domains, num_tokens=max_new_tokens)
pair_numbers = SyntheticPair(v={k: 1.1})
records = synthetic_session(pair_numbers, **asked, num_prompts=2, repeats=1, seed=seed)
append_records(output_path, records)
print("[bench] made", len(records), "records")
"""


def stub_notebook(folder: Path, *cells: str) -> Path:
    """The notebook in ``folder``; ``cells`` are run in place of the one that makes the records."""
    told = json.loads(BENCHMARK_NOTEBOOK.read_text(encoding="utf8"))["cells"]
    parameters = next(cell for cell in told if "parameters" in cell["metadata"].get("tags", []))
    made = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    made.cells = [new_code_cell("".join(parameters["source"]), metadata={"tags": ["parameters"]})]
    made.cells += [new_code_cell(source) for source in cells or (RECORDED,)]
    path = folder / "stub.ipynb"
    nbformat.write(made, path)
    return path
