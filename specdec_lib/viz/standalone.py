"""A figure that travels alone: its style, its data and one ES module in a fragment of HTML.

It asks nobody for anything, and the same data give the same bytes. Nothing here knows what is drawn.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from typing import Any


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


def source(name: str) -> str:
    """The text of a script or a style that lies beside this module."""
    return (importlib.resources.files("specdec_lib.viz") / name).read_text(encoding="utf8")


def script_safe(data: str) -> str:
    """JSON that no ``</script>`` or comment inside it can end early."""
    return data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
