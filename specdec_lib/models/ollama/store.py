"""The models that Ollama has downloaded, as files of this machine: ``ollama:NAME[:TAG]``.

Ollama keeps a manifest of each model, a list of layers by their digests, and the layers as blobs; the weights
and the tokenizer are one layer, a GGUF file. No server is asked. Its template and parameters are layers of
their own, in a language of Ollama's: neither is read, a chat is written by the template in the GGUF file.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.ollama import sentences

PREFIX = "ollama:"
_LAYER = "application/vnd.ollama.image."
_REFUSED = {
    "adapter": sentences.ADAPTER,
    "projector": sentences.PROJECTOR,
}
_NAME = re.compile(r"(?:[\w.-]+(?::\d+)?/)?(?:[\w-][\w.-]*/)?[\w-][\w.-]*(?::[\w-][\w.-]*)?")
_HOST, _USER, _TAG = "registry.ollama.ai", "library", "latest"
_SERVICE = Path("/usr/share/ollama/.ollama/models")
"""Where Ollama keeps its models when it runs as a service of a Linux system."""


def ollama_blob(model_id: str) -> Path:
    """The GGUF file of a model that Ollama has downloaded.

    Args:
        model_id: ``ollama:NAME``, with ``:TAG`` where it is not ``latest``.

    Raises:
        ModelUnavailable: no such model on this machine (the nearest names are told), one with adapters or a
            projector, or one whose files are damaged.
    """
    name = model_id.removeprefix(PREFIX)
    store, manifest = _manifest(name)
    if manifest is None:
        raise ModelUnavailable(sentences.NOT_DOWNLOADED.format(model_id, _nearest(name)))
    layers = _layers(model_id, manifest)
    for kind, meaning in _REFUSED.items():
        if kind in layers:
            raise ModelUnavailable(sentences.HAS_AN_UNREAD_PART.format(model_id, meaning))
    if len(layers.get("model", ())) != 1:
        raise ModelUnavailable(sentences.SEVERAL_FILES.format(model_id, len(layers.get("model", ()))))
    (digest,) = layers["model"]
    blob = store / "blobs" / digest.replace(":", "-")
    if not blob.is_file():
        raise ModelUnavailable(sentences.WEIGHTS_ARE_LACKING.format(model_id, name))
    return blob


def _stores() -> list[Path]:
    """Where Ollama may keep its models: where it is told to, else in the usual places."""
    told = os.environ.get("OLLAMA_MODELS", "").strip()
    return [Path(told)] if told else [Path(os.path.expanduser("~/.ollama/models")), _SERVICE]


def _manifest(name: str) -> tuple[Path, Path | None]:
    """The store that has a model of that name, and its manifest there; None where none has."""
    stores = _stores()
    if _NAME.fullmatch(name):
        path, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", _TAG)
        parts = path.split("/")
        place = Path("manifests", *(_HOST, _USER)[: 3 - len(parts)], *parts, tag)
        for store in stores:
            if ".." not in parts and (store / place).is_file():
                return store, store / place
    return stores[0], None


def _layers(model_id: str, manifest: Path) -> dict[str, list[str]]:
    """Digests of the layers by their kind."""
    try:
        listed: Any = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
        found: dict[str, list[str]] = {}
        for layer in listed:
            kind, digest = str(layer["mediaType"]).removeprefix(_LAYER), str(layer["digest"])
            found.setdefault(kind, []).append(digest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            sentences.MANIFEST_IS_DAMAGED.format(model_id, type(error).__name__, error)
        ) from error
    return found


def _nearest(name: str) -> str:
    """The names on this machine that are most like it, and how to fetch it."""
    names = sorted(set(_downloaded()))
    if not names:
        places = " or ".join(map(str, _stores()))
        return sentences.NOTHING_DOWNLOADED.format(places, name)
    near = difflib.get_close_matches(name, names, cutoff=0.3) or names[:3]
    return sentences.NEAREST_NAMES.format(", ".join(near), name)


def _downloaded() -> Iterator[str]:
    """Names of the models on this machine, as Ollama lists them."""
    for store in _stores():
        for path in (store / "manifests").glob("*/*/*/*"):
            host, user, model, tag = path.relative_to(store / "manifests").parts
            before = [] if (host, user) == (_HOST, _USER) else [user] if host == _HOST else [host, user]
            yield f"{'/'.join([*before, model])}:{tag}"
