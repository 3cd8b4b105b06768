"""What a GGUF file says of itself: its metadata, and the name, shape, type and place of each tensor.

Read in one pass over the file's beginning, a second or so for a vocabulary of 260 000 tokens. Tensors are
mapped, and unpacked one by one when they are asked for, by the ``gguf`` package.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import re
import struct
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf import sentences

MAGIC = b"GGUF"
PLAIN = ("F32", "F16", "BF16", "F64")
"""Types of tensors that are plain numbers, not packed."""
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True)
class BlockTensor:
    """One tensor of a file, as its header describes it."""

    shape: tuple[int, ...]
    """As torch counts, rows first."""
    kind: str
    """Its type by ggml's name: F32, Q8_0, Q4_K, …"""
    start: int
    """Its first byte within the file."""
    row_bytes: int
    """Bytes of its last dimension, packed."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def end(self) -> int:
        """The byte behind its last."""
        return self.start + prod(self.shape[:-1]) * self.row_bytes


@dataclass(frozen=True)
class GgufFile:
    """The header of a file; its tensors are read by :meth:`read`."""

    model_id: str
    """What the user called it, for messages."""
    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, BlockTensor]

    @property
    def architecture(self) -> str:
        """llama.cpp's name for the kind of model."""
        return str(self.metadata.get("general.architecture", "nothing"))

    @property
    def packed_as(self) -> str | None:
        """The quantisation by its usual name (Q4_K_M); None where all tensors are plain numbers."""
        counts: Counter[str] = Counter()
        for tensor in self.tensors.values():
            counts[tensor.kind] += tensor.size
        if not counts.keys() - set(PLAIN):
            return None
        from gguf import LlamaFileType

        try:
            named = LlamaFileType(self.metadata.get("general.file_type")).name
        except ValueError:  # none is stated, or one that this version of the package does not know
            named = next(kind for kind, _ in counts.most_common() if kind not in PLAIN)
        return named.removeprefix("MOSTLY_")

    def read(self, name: str) -> Float[np.ndarray, "..."]:
        """A tensor, unpacked to float32.

        Raises:
            ModelUnavailable: of a type that the ``gguf`` package does not unpack.
        """
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize

        tensor = self.tensors[name]
        held = np.memmap(self.path, np.uint8, "r", tensor.start, (tensor.end - tensor.start,))
        rows = held.reshape(*tensor.shape[:-1], tensor.row_bytes)
        try:
            return np.array(dequantize(rows, GGMLQuantizationType[tensor.kind]), np.float32)
        except NotImplementedError as error:
            raise ModelUnavailable(
                sentences.TYPE_IS_NOT_UNPACKED.format(self.model_id, tensor.kind, name)
            ) from error


def open_gguf(path: Path, model_id: str) -> GgufFile:
    """The header of a file, read once a process.

    Raises:
        ModelUnavailable: no GGUF, damaged, truncated, one part of several, no language model, or the ``gguf``
            package is missing.
    """
    try:
        stat = path.stat()
        return _open(path, model_id, stat.st_mtime_ns, stat.st_size)
    except ModelUnavailable:
        raise
    except (OSError, ValueError) as error:
        raise ModelUnavailable(sentences.CANNOT_READ.format(model_id, error)) from error


@cache
def _open(path: Path, model_id: str, changed: int, size: int) -> GgufFile:
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise ModelUnavailable(sentences.NEEDS_GGUF_PACKAGE.format(model_id)) from error
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise ModelUnavailable(sentences.IS_NO_GGUF.format(model_id))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            metadata, tensors = _Header(content, model_id).read()
    found = GgufFile(model_id, path, metadata, tensors)
    _refuse_parts(found)
    end = max((tensor.end for tensor in tensors.values()), default=0)
    if end > size:
        raise ModelUnavailable(sentences.IS_TRUNCATED.format(model_id, end, size))
    return found


def _refuse_parts(file: GgufFile) -> None:
    """One part of several, a vocabulary alone, an adapter, or what sees images: no language model, each."""
    if int(file.metadata.get("split.count", 1)) > 1 or _PART.search(file.path.name):
        raise ModelUnavailable(sentences.IS_ONE_PART.format(file.model_id))
    kind = str(file.metadata.get("general.type", "model"))
    if kind != "model" or file.architecture == "clip":
        raise ModelUnavailable(sentences.HOLDS_A_PART.format(file.model_id, kind))
    if not file.tensors:
        raise ModelUnavailable(sentences.HOLDS_A_VOCABULARY.format(file.model_id))


class _Header:
    """The beginning of a file, read value by value."""

    def __init__(self, content: mmap.mmap, model_id: str) -> None:
        self.content, self.model_id, self.at = content, model_id, 4

    def read(self) -> tuple[dict[str, Any], dict[str, BlockTensor]]:
        version = self._number("I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(struct.pack("<I", version), "big") in _VERSIONS
            said = sentences.OF_OTHER_BYTE_ORDER if swapped else sentences.OF_VERSION.format(version)
            raise ModelUnavailable(sentences.VERSION_IS_NOT_READ.format(self.model_id, said))
        tensors, values = self._number("Q"), self._number("Q")
        metadata: dict[str, Any] = {}
        for _ in range(values):
            name = self._string()
            metadata[name] = self._value(self._number("I"))
        described = [(self._string(), self._tensor()) for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise self._damaged()
        start = -(-self.at // alignment) * alignment
        return metadata, {name: self._placed(*what, start) for name, what in described}

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _STRING:
            return self._string()
        inner, count = (self._number("I"), self._number("Q")) if kind == _ARRAY else (-1, 0)
        if inner == _STRING:
            return [self._string() for _ in range(count)]
        if inner not in _NUMBERS:
            raise self._damaged()
        code = _NUMBERS[inner]
        return np.frombuffer(self._take(count * struct.calcsize(code)), f"<{code}").tolist()

    def _tensor(self) -> tuple[tuple[int, ...], int, int]:
        """Shape, type and place of one tensor."""
        dimensions = self._number("I")
        if not 1 <= dimensions <= 8:
            raise self._damaged()
        shape = tuple(self._number("Q") for _ in range(dimensions))
        return shape[::-1], self._number("I"), self._number("Q")

    def _placed(self, shape: tuple[int, ...], kind: int, offset: int, start: int) -> BlockTensor:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        try:
            known = GGMLQuantizationType(kind)
            elements, size = GGML_QUANT_SIZES[known]
        except (ValueError, KeyError) as error:
            raise ModelUnavailable(sentences.TYPE_IS_UNKNOWN.format(self.model_id, kind)) from error
        if shape[-1] % elements:
            raise self._damaged()
        return BlockTensor(shape, known.name, start + offset, shape[-1] // elements * size)

    def _string(self) -> str:
        return self._take(self._number("Q")).decode("utf-8", "replace")

    def _number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self._take(struct.calcsize(code)))[0]

    def _take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.content):
            raise self._damaged()
        return self.content[self.at - count : self.at]

    def _damaged(self) -> ModelUnavailable:
        return ModelUnavailable(sentences.HEADER_IS_DAMAGED.format(self.model_id, self.at))
