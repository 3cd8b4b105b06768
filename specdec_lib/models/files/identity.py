"""Who a model is before it is loaded: a hash of its files, the same wherever they lie.

The hub's cache and Ollama's store name a file by its own SHA-256, which is believed; any other is read. After
loading, :attr:`~specdec_lib.models.tensors.Weighed.weights_hash` says what the weights are in memory.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import sentences
from specdec_lib.models.source import Source, find_source, loading

_READ = (".safetensors", ".bin", ".gguf", ".json", ".model", ".txt", ".jinja")
"""Endings of the files that a model is made of; a licence or a model card is not one of them."""
_WEIGHTS = (".safetensors", ".bin", ".gguf")
_OWN_HASH = re.compile(r"(?:sha256-)?([0-9a-f]{64})")


def model_hash(model_id: str, fetch: bool = False) -> str:
    """First 16 hexadecimal digits of SHA-256 over names and contents of a model's files.

    Args:
        fetch: have the hub's files of it brought to this disk, as loading it would.

    Raises:
        ModelUnavailable: there is no such model, its weights are not on this disk, or a file of it cannot be
            read.
    """
    source = find_source(model_id)
    if source.gguf is not None:
        paths = [source.gguf]
    else:
        paths = _files(source.folder if source.folder is not None else _cached(source, fetch))
    if not any(path.suffix in _WEIGHTS for path in paths):
        raise ModelUnavailable(sentences.NO_WEIGHTS_HERE.format(model_id))
    told = [f"{'' if source.gguf else path.name} {file_hash(path)}" for path in sorted(paths)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        ModelUnavailable: it cannot be read.
    """
    try:
        place = path.resolve(strict=True)
        named = _OWN_HASH.fullmatch(place.name)
        if named and place.parent.name == "blobs":
            return named[1]
        stat = place.stat()
        return _content_hash(place, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ModelUnavailable(sentences.FILE_UNREADABLE.format(path, error.strerror or error)) from error


@cache
def _content_hash(path: Path, size: int, changed: int) -> str:
    """Read once, as long as the file has that size and that time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(source: Source, fetch: bool) -> Path:
    """The folder of a hub model in the local cache."""
    from huggingface_hub import snapshot_download

    wanted = [f"*{ending}" for ending in _READ if ending not in (".bin", ".gguf")]
    with loading(source, "its files"):
        offline = source.offline or not fetch
        return Path(snapshot_download(source.location, allow_patterns=wanted, local_files_only=offline))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in _READ and path.is_file()]
