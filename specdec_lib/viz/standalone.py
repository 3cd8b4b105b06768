"""A figure that travels alone: its style, its data and one ES module in a fragment of HTML.

It asks nobody for anything, and the same data give the same bytes. A widget is the same module with a kernel
behind it. Nothing here knows what is drawn.
"""

from __future__ import annotations

import hashlib
import html
import importlib.resources
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

_NEIGHBOUR = re.compile(r'^(?:import \{[^}]*\} from|@import) "(?:\./)?([\w.]+)";\n', re.MULTILINE)
_FOLDERS = {"js": "scripts", "css": "styles", "html": "."}


class StandaloneFigure:
    """What every such figure is: data for a module, and what stands in its place where no script runs."""

    kind: ClassVar[str]
    module: ClassVar[str]
    payload: dict[str, Any]

    def to_html(self) -> str:
        """An HTML fragment; the same data give the same bytes. Without scripts it is :meth:`fallback`."""
        return fragment(self.kind, self.module, self.payload, self.fallback())

    def fallback(self) -> str:
        """HTML that says the same without a script, escaped."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.to_html()


def fragment(kind: str, module: str, payload: dict[str, Any], fallback: str) -> str:
    """HTML in which ``module`` draws ``payload``; without scripts it is ``fallback``.

    Args:
        kind: how the element's id begins; the rest is a hash of the data.
        module: name of a script with ``mount(host, payload)`` and of its style, without their endings.
        fallback: HTML, already escaped.
    """
    data = script_safe(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))
    name = f"{kind}-" + hashlib.sha256(data.encode()).hexdigest()[:12]
    return "\n".join(
        [
            f"<style>{source(f'{module}.css')}</style>",
            f'<div id="{name}" class="specdec-figure">{fallback}</div>',
            f'<script type="application/json" id="{name}-data">{data}</script>',
            f'<script type="module">{source(f"{module}.js")}',
            f'mount(document.getElementById("{name}"), '
            f'JSON.parse(document.getElementById("{name}-data").textContent));</script>',
        ]
    )


def plain_table(caption: str, headers: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table whose rows begin with their heads: a figure without scripts, escaped."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in headers)
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in others)
        body += f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>'
    title = f"<caption>{html.escape(caption)}</caption>"
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def widget(module: str, said: Callable[[Any], str], payload: dict[str, Any], **numbers: float) -> Any:
    """``module`` as an anywidget: its data, and numbers that a kernel and a reader may set, whole ones whole.

    Args:
        said: the widget's ``repr``.
    """
    import anywidget
    import traitlets

    synced: dict[str, Any] = {"payload": traitlets.Dict().tag(sync=True)}
    for name, value in numbers.items():
        synced[name] = (traitlets.Int if isinstance(value, int) else traitlets.Float)().tag(sync=True)
    name = "".join(map(str.title, module.split("_"))) + "Widget"  # a page keeps one style for each name
    parts = {"_esm": source(f"{module}.js"), "_css": source(f"{module}.css"), "__repr__": said}
    made = type(name, (anywidget.AnyWidget,), {"__module__": __name__, **synced, **parts})
    return made(payload=payload, **numbers)


def source(name: str) -> str:
    """The text of a script, a style or a page; what it imports stands in its place, each neighbour once."""
    files, held = importlib.resources.files("specdec_lib.viz"), set[str]()

    def text(name: str) -> str:
        if name in held:
            return ""
        held.add(name)
        found = (files / _FOLDERS[name.rpartition(".")[2]] / name).read_text(encoding="utf8")
        return _NEIGHBOUR.sub(lambda neighbour: text(neighbour[1]), found)

    return text(name)


def script_safe(data: str) -> str:
    """JSON that no ``</script>`` or comment inside it can end early."""
    return data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
