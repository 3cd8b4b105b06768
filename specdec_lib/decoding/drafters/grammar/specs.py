"""Drafts that have been read and not opened: plain values, each of which knows how it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from specdec_lib.decoding.drafters.grammar.own_layers import HeadSpec, LayersSpec, SkipSpec
from specdec_lib.models.registry import DTYPES, short_name

if TYPE_CHECKING:
    from specdec_lib.decoding.drafters.base import Drafter
    from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class ModelSpec:
    """A draft model; without a ``dtype`` it runs in the one of ``open``."""

    model_id: str
    dtype: str | None = None

    def __str__(self) -> str:
        return _typed(self.model_id, self.dtype)

    @property
    def label(self) -> str:
        """As :attr:`CascadeSpec.label`."""
        return _typed(short_name(self.model_id), self.dtype)

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """The model, loaded for ``target``."""
        from specdec_lib.decoding.drafters.draft_model import as_drafter
        from specdec_lib.models.draft import load_draft

        return as_drafter(load_draft(target, self.model_id, self.dtype or dtype, compile))


@dataclass(frozen=True)
class SelfSpec:
    """The target as its own draft; without a ``dtype`` nothing is gained."""

    dtype: str | None = None

    def __str__(self) -> str:
        return _typed("self", self.dtype)

    @property
    def label(self) -> str:
        """As :attr:`CascadeSpec.label`."""
        return str(self)

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """The target's files, read once more in the other dtype."""
        from specdec_lib.decoding.drafters.draft_model import as_drafter
        from specdec_lib.models.draft import load_draft

        return as_drafter(target if self.dtype is None else load_draft(target, None, self.dtype, compile))


@dataclass(frozen=True)
class LookupSpec:
    """A :class:`~specdec_lib.decoding.drafters.lookup.PromptLookup`."""

    least: int = 1
    most: int = 3
    tokens: int | None = None

    def __str__(self) -> str:
        runs = str(self.most) if self.least == self.most else f"{self.least}-{self.most}"
        return _with_options("lookup", n=None if runs == "1-3" else runs, tokens=self.tokens)

    @property
    def label(self) -> str:
        """As :attr:`CascadeSpec.label`."""
        return str(self).replace(":", ".")

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """A drafter without a model."""
        from specdec_lib.decoding.drafters.lookup import PromptLookup

        return PromptLookup(target, self.most, self.least, self.tokens, name=str(self))


@dataclass(frozen=True)
class SuffixSpec:
    """A :class:`~specdec_lib.decoding.drafters.suffix.SuffixLookup`."""

    least: int = 2
    tokens: int | None = None

    def __str__(self) -> str:
        return _with_options("suffix", least=None if self.least == 2 else self.least, tokens=self.tokens)

    @property
    def label(self) -> str:
        """As :attr:`CascadeSpec.label`."""
        return str(self).replace(":", ".")

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """A drafter without a model."""
        from specdec_lib.decoding.drafters.suffix import SuffixLookup

        return SuffixLookup(target, self.least, self.tokens, name=str(self))


@dataclass(frozen=True)
class ClassSpec:
    """A class of one's own: ``module:Class``."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """As :attr:`CascadeSpec.label`."""
        return self.name.replace(":", ".")

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """What the class makes of ``target``."""
        from specdec_lib.decoding.drafters.own import load_drafter

        return load_drafter(self.name, target)


@dataclass(frozen=True)
class CascadeSpec:
    """A :class:`~specdec_lib.decoding.drafters.cascade.Cascade` of at least two drafts."""

    parts: tuple[LoneSpec, ...]

    def __str__(self) -> str:
        return " > ".join(map(str, self.parts))

    @property
    def label(self) -> str:
        """A name fit for a file, in which results of this draft are kept."""
        return "-or-".join(part.label for part in self.parts)

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """All parts, opened."""
        from specdec_lib.decoding.drafters.cascade import Cascade

        return Cascade(*(part.open(target, dtype, compile) for part in self.parts), name=str(self))


LoneSpec = ModelSpec | SelfSpec | LayersSpec | SkipSpec | HeadSpec | LookupSpec | SuffixSpec | ClassSpec
DraftSpec = LoneSpec | CascadeSpec
"""A draft that was read; as text it is its plainest spelling, which says the same when it is read again."""


def lone_specs(spec: DraftSpec) -> tuple[LoneSpec, ...]:
    """The drafts of a cascade, or the one that it is."""
    return spec.parts if isinstance(spec, CascadeSpec) else (spec,)


def open_draft(
    spec: str | DraftSpec, target: ModelWrapper, *, dtype: str | None = None, compile: bool = False
) -> Drafter:
    """What drafts for ``target``, by the grammar of :mod:`specdec_lib.decoding.drafters.grammar`.

    >>> open_draft("lookup:n=2-3 > pocket-draft", load_pair("pocket").target)         # doctest: +SKIP

    Args:
        dtype: of draft models that name none; None for the target's.
        compile: run draft models through ``torch.compile``.

    Raises:
        InvalidArgument: an unknown word, option or dtype; the line names the nearest that there is.
        SpecDecError: whatever :func:`~specdec_lib.models.draft.load_draft` raises.
    """
    from specdec_lib.decoding.drafters.grammar.reading import read_draft

    own = target.number_format if target.number_format in DTYPES else "auto"
    return (read_draft(spec) if isinstance(spec, str) else spec).open(target, dtype or own, compile)


def _typed(name: str, dtype: str | None) -> str:
    return name if dtype is None else f"{name}@{dtype}"


def _with_options(word: str, **options: object) -> str:
    told = ",".join(f"{name}={value}" for name, value in options.items() if value is not None)
    return f"{word}:{told}" if told else word
