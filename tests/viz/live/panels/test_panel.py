"""A panel shows widgets to a reader and a page to everybody else, under one name that does not change."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from specdec_lib.viz.live.panels import panel as module
from specdec_lib.viz.live.panels.audit import AuditPair
from specdec_lib.viz.live.panels.panel import has_reader, prose
from specdec_lib.viz.live.panels.predict import Predict
from specdec_lib.viz.live.panels.try_it import TryIt
from specdec_lib.viz.live.panels.watch_sweep import WatchSweep

PANELS = {
    "TryIt(pocket)": lambda: TryIt(),
    "Predict(pocket_self; 0 points)": lambda: Predict("pocket_self"),
    "WatchSweep(runs/mine)": lambda: WatchSweep("runs/mine", lambda folder: []),
    "AuditPair(a, b)": lambda: AuditPair(target="a", draft="b"),
}
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("name", PANELS)
def test_without_a_reader_a_panel_is_a_page_that_says_what_it_lacks(name):
    shown = PANELS[name]()._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html"} and shown["text/plain"] == name
    assert "need a kernel" in shown["text/html"] and "<button" not in shown["text/html"].split("<script")[0]


@pytest.mark.parametrize("name", PANELS)
def test_a_reader_gets_the_controls_and_the_same_name(name, monkeypatch):
    monkeypatch.setattr(module, "has_reader", lambda: True)
    made, shown = PANELS[name](), []
    monkeypatch.setattr(made, "show", lambda: shown.append(True))
    bundle = made._repr_mimebundle_()
    assert VIEW in bundle and bundle["text/plain"] == name and shown == [True]
    assert made.widget is made.widget


@pytest.mark.parametrize(
    ("metadata", "is_one"), [({"cellId": "a1"}, True), ({}, False), (None, False), ({"cellId": ""}, False)]
)
def test_a_reader_is_who_names_the_cell(metadata, is_one, monkeypatch):
    kernel = SimpleNamespace(get_parent=lambda channel: {"metadata": metadata})
    shell = SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert has_reader() is is_one


def test_nobody_reads_where_there_is_no_kernel(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert has_reader() is False


def test_prose_is_escaped_and_its_code_is_code():
    assert prose("run `a<b` now") == "run <code>a&lt;b</code> now"
