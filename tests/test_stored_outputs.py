"""The comparison of stored outputs: what another processor may change, and what nothing may."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from stored_outputs import difference

from specdec_lib.viz.renderer import OfflineRenderer, figure_html

pytest_plugins = ["pytester"]

SAME = {
    "a rounding border": ("p = 0.1234", "p = 0.1235"),
    "the border of one place": ("z = 1.9 and", "z = 2.0 and"),
    "last digits of a float32": ("0.123456789012", "0.123457001234"),
    "a sign of nothing": ("drift -0.00", "drift +0.00"),
    "a padded column": ("K   9.99 tokens", "K  10.00 tokens"),
    "a rule under a column": ("a     b\n----  -\n9.99  1", "a      b\n-----  -\n10.00  1"),
    "a share": ("64% of all runs", "65% of all runs"),
    "a share, set apart": ("64 %", "65 %"),
    "scientific": ("error 6.1e-11", "error 6.2e-11"),
    "equal": ("words, and 3 numbers: 1 2.5", "words, and 3 numbers: 1 2.5"),
}
OTHER = {
    "a word": ("two drafts, 0.5 each", "two drifts, 0.5 each"),
    "a swapped sign": ("z = -0.82", "z = 0.82"),
    "a count": ("17 rounds of 24", "18 rounds of 24"),
    "an id": ("[5, 2, 0.5]", "[5, 3, 0.5]"),
    "a decimal point": ("0.1234", "1.234"),
    "an exponent": ("6e-11", "6e-10"),
    "two units": ("0.1234", "0.1236"),
    "a number more": ("0.5 0.25", "0.5 0.25 0.25"),
    "a number less": ("0.5 0.25", "0.5"),
    "an order": ("0.5 and 0.25", "0.25 and 0.5"),
    "a name with digits": ("pocket2 0.5", "pocket3 0.5"),
    "a version": ("torch 2.13.0", "torch 2.14.0"),
    "a line": ("a\nb", "a b"),
    "an end": ("a 0.5", "a 0.5."),
    "whole for broken": ("9 rounds", "9.5 rounds"),
    "nothing": ("nan", "0.0"),
}


@pytest.mark.parametrize("stored, shown", SAME.values(), ids=SAME)
def test_another_processor_may_change_this(stored: str, shown: str):
    assert difference(stored, shown) is None
    assert difference(shown, stored) is None


@pytest.mark.parametrize("stored, shown", OTHER.values(), ids=OTHER)
def test_nothing_may_change_this(stored: str, shown: str):
    assert difference(stored, shown) and difference(shown, stored)


def figure(
    y: float = 0.25, colour: str = "firebrick", name: str = "draft", count: int = 3, packed: bool = False
) -> go.Figure:
    heights = np.array([0.5, y, 0.125]) if packed else [0.5, y, 0.125]
    trace = go.Bar(x=["the", "cat", "#1e4000"], y=heights, name=name, customdata=[count, 2, 1])
    return go.Figure(trace).update_traces(marker_color=colour)


def outputs(**how: object) -> dict[str, object]:
    shown = OfflineRenderer().to_mimebundle(figure(**how).to_dict())
    return json.loads(json.dumps(shown))


def first_difference(ours: dict[str, object], theirs: dict[str, object]) -> list[str]:
    found = {kind: difference(ours[kind], theirs[kind], kind) for kind in ours}
    return [kind for kind, line in found.items() if line]


@pytest.mark.parametrize("packed", [False, True], ids=["lists", "packed arrays"])
def test_a_figure_may_move_by_last_digits_in_both_its_forms(packed: bool):
    ours, theirs = outputs(y=0.25, packed=packed), outputs(y=0.2500004, packed=packed)
    assert ours["text/html"] != theirs["text/html"], "its id is a hash of its content"
    assert first_difference(ours, theirs) == []


@pytest.mark.parametrize(
    "change",
    [
        {"y": 0.26},
        {"y": -0.25},
        {"y": 2.5},
        {"y": float("nan")},
        {"colour": "seagreen"},
        {"name": "target"},
        {"count": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("packed", [False, True], ids=["lists", "packed arrays"])
def test_a_figure_that_shows_something_else_differs_in_both_forms(change: dict[str, object], packed: bool):
    ours, theirs = outputs(packed=packed), outputs(packed=packed, **change)
    assert len(first_difference(ours, theirs)) == 2


def test_packed_arrays_are_equal_in_type_and_shape():
    values = np.array([1, 2, 3], dtype="i4")
    packed = {"dtype": "i4", "bdata": base64.b64encode(values.tobytes()).decode()}
    wide = {"dtype": "i8", "bdata": base64.b64encode(values.astype("i8").tobytes()).decode()}
    square = packed | {"shape": "3, 1"}
    assert difference(packed, copy.copy(packed), "application/json") is None
    assert difference(packed, wide, "application/json") and difference(packed, square, "application/json")


def test_hashed_ids_are_compared_by_their_order():
    one, other = figure_html(figure(y=0.25)), figure_html(figure(y=0.2500004))
    assert difference(one + other, other + one, "text/html") is None
    assert difference(one + one, one + other, "text/html")


def test_rounded_data_has_a_border_too():
    assert difference([0.1234, 0.5], [0.1235, 0.5001], "application/json") is None
    assert difference([0.1234], [0.1236], "application/json")
    assert difference([0.5], [0.6], "application/json"), "two digits stand there, more are compared"
    assert difference([True], [1], "application/json") and difference([None], [0.0], "application/json")


# -- through nbval -----------------------------------------------------------------------------------

CELLS = {
    "holds": ("print(0.1235)", [nbformat.v4.new_output("stream", name="stdout", text="0.1234\n")]),
    "differs": ("print('no')", [nbformat.v4.new_output("stream", name="stdout", text="yes\n")]),
    "figure is missing": (
        "pass",
        [nbformat.v4.new_output("display_data", data={"text/html": "<p>figure</p>"})],
    ),
    "figure is new": ("import IPython.display as d\nd.display(d.HTML('<p>new</p>'))", []),
}


def test_nbval_judges_by_this_rule(pytester: pytest.Pytester):
    root = Path(__file__).parents[1]
    notebook = nbformat.v4.new_notebook()
    for source, stored in CELLS.values():
        notebook.cells.append(nbformat.v4.new_code_cell(source, execution_count=1, outputs=stored))
    nbformat.write(notebook, pytester.path / "chapter.ipynb")
    pytester.makeini("[pytest]\npythonpath = " + str(root / "tests"))
    pytester.makeconftest((root / "notebooks/conftest.py").read_text(encoding="utf8"))
    result = pytester.runpytest_subprocess("--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-v")
    result.stdout.fnmatch_lines(["*Cell 0 PASSED*", "*Cell 1 FAILED*", "*Cell 2 FAILED*", "*Cell 3 FAILED*"])
    result.stdout.fnmatch_lines(
        ["*'yes*' was stored, 'no*' is shown*", "text/html: 1 are stored, 0 are shown*"]
    )
