"""What every panel is: widgets where somebody sits in front of a kernel, and HTML where a page is made.

JupyterLab names the cell that it runs; nbclient, papermill and nbval, which make pages, files and tests, do
not. So a page holds no control that nobody could answer, and the same page every time.
"""

from __future__ import annotations

import html
import re
import sys
from functools import cached_property
from typing import Any, ClassVar

from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.standalone import source

PLAIN = "text/plain"


class Panel:
    """Shows itself, with its controls or without."""

    name: ClassVar[str]
    recorded: ClassVar[str]
    """What stands on a page in place of the controls."""

    @cached_property
    def widget(self) -> Any:
        """The controls, as one widget of ipywidgets; made when they are first asked for."""
        import ipywidgets

        parts = [panel_style(), *self._controls()]
        box = ipywidgets.VBox(parts)
        for one in ("specdec-panel", f"sp-{self.name}"):
            box.add_class(one)
        return box

    def static(self) -> str:
        """The same without a kernel: HTML of what was recorded, and a line that says so."""
        note = prose(sentences.NEEDS_A_KERNEL.format(self.recorded))
        style = source("panels.css")
        shown = self._recorded()
        return (
            f'<div class="specdec-panel sp-static sp-{self.name}"><style>{style}</style>'
            f'<p class="sp-note">{note}</p>{shown}</div>'
        )

    def show(self) -> None:
        """Called as the controls come into sight."""

    def stop(self) -> None:
        """End what the panel does in the background, at its next step."""
        raise NotImplementedError

    def _controls(self) -> list[Any]:
        raise NotImplementedError

    def _recorded(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if not has_reader():
            return {PLAIN: repr(self), "text/html": self.static()}
        bundle = self.widget._repr_mimebundle_()
        self.show()
        return {**bundle, PLAIN: repr(self)}


def has_reader() -> bool:
    """Whether the cell that runs is one of a page in somebody's browser."""
    interactive = sys.modules.get("IPython")
    shell = None if interactive is None else interactive.get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    asked = kernel.get_parent("shell")
    return bool((asked.get("metadata") or {}).get("cellId"))


def panel_style() -> Any:
    """The style of all panels, as a widget that shows nothing."""
    import ipywidgets

    return ipywidgets.HTML(f"<style>{source('panels.css')}</style>", layout={"display": "none"})


def button(description: str, icon: str, tip: str, press: Any, **more: Any) -> Any:
    """A button that calls ``press`` without arguments."""
    import ipywidgets

    made = ipywidgets.Button(description=description, icon=icon, tooltip=tip, **more)
    made.add_class("sp-button")
    made.on_click(lambda _: press())
    return made


def scrolled(table: Any) -> str:
    """A table in a place of its own, which scrolls where it is long or wide."""
    return f'<div class="sp-scroll" tabindex="0">{table._repr_html_()}</div>'


def row(*parts: Any) -> Any:
    """Widgets side by side, as many as there is room for."""
    import ipywidgets

    box = ipywidgets.HBox(list(parts))
    box.add_class("sp-row")
    return box


def prose(line: str) -> str:
    """A sentence as HTML, what is between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(line))


def status_html(line: str, is_error: bool = False) -> str:
    """A line of what a panel is doing; read out as it changes."""
    kind = "sp-error" if is_error else "sp-status"
    return f'<p class="{kind}" role="status" aria-live="polite">{html.escape(line) or "&nbsp;"}</p>'
