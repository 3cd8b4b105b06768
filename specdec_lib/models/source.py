"""Where the files of a model are: a folder, a GGUF file, Ollama's store, an embedded model, or the hub.

When the hub does not answer (:mod:`specdec_lib.models.hub`), its local cache is all there is. What is in the
files is :mod:`specdec_lib.models.files.folder`'s to see; whatever goes wrong while they are read becomes one
line here.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.errors import ModelUnavailable, SpecDecError, causes, in_one_line, is_out_of_memory
from specdec_lib.models import hub, sentences
from specdec_lib.models.ollama.store import PREFIX, ollama_blob
from specdec_lib.utils.paths import data_path

EMBEDDED = ("pocket-target", "pocket-draft", "pocket-foreign")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
"""What a name looks like that may be a model's on the hub."""
_GGUF = re.compile(r"\.gguf$|-gguf(:[\w.-]+)?$", re.IGNORECASE)
_TERSE = (LookupError, AttributeError, AssertionError, ArithmeticError)
"""Errors of Python's own, whose messages leave out what kind of thing went wrong."""
_WEIGHT_FILES = (".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx")


@dataclass(frozen=True)
class Source:
    """What the caller asked for, the folder or hub id that holds it, and whether the hub answers."""

    model_id: str
    location: str
    on_hub: bool = False
    hub_answers: bool = False
    hub_reason: str = sentences.HUB_UNREACHABLE
    """Why the hub does not answer, where it does not."""
    files: tuple[str, ...] = ()
    """Names of the files that are known to be there."""
    gguf: Path | None = None
    """The file that holds the weights of a model in GGUF form; what else it says lies in the folder."""

    @property
    def offline(self) -> bool:
        """Read from the disk alone: a folder, or a hub id of which only the cache can be had."""
        return not (self.on_hub and self.hub_answers)

    @property
    def options(self) -> dict[str, Any]:
        """How Transformers is to read it: from where it is, and never by code of the folder's own."""
        return {"local_files_only": self.offline, "trust_remote_code": False}

    @property
    def folder(self) -> Path | None:
        """The local folder; None for a hub id."""
        return None if self.on_hub else Path(self.location)

    def find(self, name: str) -> Path | None:
        """A file of the model on this disk, fetched if the hub has it; None where there is none.

        Raises:
            ModelUnavailable: it is there and cannot be fetched.
        """
        if self.folder is not None:
            path = self.folder / name
            return path if path.is_file() else None
        if self.hub_answers and self.files and name not in self.files:
            return None
        from transformers.utils.hub import cached_file

        with loading(self, name):
            found = cached_file(
                self.location,
                name,
                local_files_only=self.offline,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
        return None if found is None else Path(found)

    def read_json(self, name: str) -> dict | None:
        """A JSON object among the model's files; None where there is no such file.

        Raises:
            ModelUnavailable: the file is there and holds no JSON object.
        """
        path = self.find(name)
        if path is None:
            return None
        with loading(self, name):
            content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ModelUnavailable(sentences.NO_JSON_OBJECT.format(name, self.model_id))
        return content


def find_source(model_id: str) -> Source:
    """The place to load a model from: a folder or GGUF file of that path, an embedded model, then the hub.

    ``ollama:NAME`` is the GGUF file of a model that Ollama has downloaded.

    Raises:
        ModelUnavailable: no such folder, a folder or file that is no model, no such repository.
    """
    if model_id.startswith(PREFIX):
        return _from_gguf(model_id, ollama_blob(model_id))
    folder = Path(os.path.expanduser(model_id))  # Path.expanduser raises where nobody has that home
    if model_id in EMBEDDED and not folder.is_dir():
        folder = data_path("models", model_id)
    elif not folder.exists() and HUB_ID.fullmatch(model_id) and not _GGUF.search(model_id):
        answer = hub.ask_hub(model_id)
        _refuse_other_forms(f"hub repository '{model_id}'", answer.files)
        return Source(model_id, model_id, True, answer.answers, answer.reason, answer.files)
    if folder.is_file():
        if _GGUF.search(model_id) or _begins_as_gguf(folder):
            return _from_gguf(model_id, folder)
        raise ModelUnavailable(_no_folder(model_id, folder))
    if _GGUF.search(model_id) and not folder.is_dir():
        raise ModelUnavailable(_no_gguf_file(model_id))
    if not folder.is_dir():
        raise ModelUnavailable(sentences.NO_FOLDER.format(model_id))
    files = tuple(sorted(path.name for path in folder.iterdir()))
    _refuse_other_forms(f"folder '{model_id}'", files)
    if "config.json" not in files:
        raise ModelUnavailable(sentences.NO_MODEL_IN_FOLDER.format(model_id))
    return Source(model_id, str(folder), files=files)


def _from_gguf(model_id: str, path: Path) -> Source:
    """A GGUF file, whose folder is made of what it says."""
    from specdec_lib.models.gguf.folder import unpacked_folder  # numpy; who asks for --help has no need of it

    folder = unpacked_folder(path, model_id)
    return Source(
        model_id, str(folder), files=tuple(sorted(part.name for part in folder.iterdir())), gguf=path
    )


def _begins_as_gguf(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(4) == b"GGUF"
    except OSError:  # it is none that can be read, which is said as of any other
        return False


def _no_gguf_file(model_id: str) -> str:
    """A path that leads nowhere, or a repository of GGUF files on the hub."""
    if model_id.lower().endswith(".gguf"):
        return sentences.NO_GGUF_FILE.format(model_id)
    return sentences.GGUF_ON_THE_HUB.format(model_id)


def _no_folder(model_id: str, file: Path) -> str:
    """Why a file is not what a model is loaded from."""
    if file.suffix in _WEIGHT_FILES:
        return sentences.WEIGHTS_ALONE.format(model_id)
    return sentences.FILE_AND_NO_FOLDER.format(model_id)


def _refuse_other_forms(place: str, files: tuple[str, ...]) -> None:
    """Adapters without their base, and GGUF files, are no model of Transformers'."""
    if "config.json" in files:
        return
    if "adapter_config.json" in files:
        raise ModelUnavailable(sentences.ADAPTER_ALONE.format(place))
    held = [name for name in files if _GGUF.search(name)]
    if held:
        fetched = sentences.ITS_PATH if place.startswith("folder") else sentences.ITS_PATH_ONCE_DOWNLOADED
        raise ModelUnavailable(sentences.GGUF_IN_A_FOLDER.format(place, held[0], fetched))


@contextmanager
def loading(source: Source, what: str) -> Iterator[None]:
    """Quiet while files are read, and one line about whatever goes wrong with them.

    Any exception is the files' doing here: the readers raise a dozen unrelated types.
    """
    try:
        with quiet():
            yield
    except SpecDecError:
        raise
    except Exception as error:
        reason = _cause(error, source)
        raise ModelUnavailable(sentences.CANNOT_LOAD.format(what, source.model_id, reason)) from error


def _cause(error: BaseException, source: Source) -> str:
    """What went wrong, in a line: the kinds that users meet by name, else what was said."""
    kinds = {type(link).__name__ for link in causes(error)}
    if "GatedRepoError" in kinds:
        return sentences.GATED
    if is_out_of_memory(error):
        return sentences.NOT_ENOUGH_MEMORY
    if source.on_hub and source.offline:
        return sentences.NOWHERE.format(source.hub_reason)
    if source.on_hub and (reason := hub.meaning(error)) is not None:
        return reason
    if "UnpicklingError" in kinds and "weights only" in str(error).lower():
        return sentences.WEIGHTS_HOLD_CODE
    if kinds & {"SafetensorError", "JSONDecodeError", "UnicodeDecodeError", "UnpicklingError"}:
        return sentences.FILE_IS_DAMAGED.format(one_line(error))
    return one_line(error)


def one_line(error: BaseException) -> str:
    """The message, or what there is room for of it, with the kind of the error where it says little."""
    terse = " " not in str(error).strip() or isinstance(error, _TERSE)
    return in_one_line(error) if terse else in_one_line(error).removeprefix(f"{type(error).__name__}: ")


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back progress bars, load reports and warnings of the libraries that read files."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging as transformers_logging

    quantiser = logging.getLogger("bitsandbytes")
    bars = transformers_logging.is_progress_bar_enabled()
    before = transformers_logging.get_verbosity(), hub_logging.get_verbosity(), quantiser.level
    transformers_logging.set_verbosity(logging.CRITICAL)  # what it calls an error is raised as well
    hub_logging.set_verbosity_error()
    quantiser.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(before[0])
        hub_logging.set_verbosity(before[1])
        quantiser.setLevel(before[2])
        if bars:
            transformers_logging.enable_progress_bar()
