"""Where the files of a model are: a local folder, an embedded model, or the hub.

A hub id costs one request that is neither retried nor waited for longer than ``TIMEOUT``;
when the hub does not answer, its local cache is all there is. It refuses to know what is in
the files, but turns whatever goes wrong while they are read into one line.
"""

from __future__ import annotations

import logging
import os
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from specdec_lib.errors import ModelUnavailable, SpecDecError
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.paths import data_path

TIMEOUT = 10.0
EMBEDDED = ("pocket-target", "pocket-draft")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class Source:
    """What the caller asked for, the folder or hub id that holds it, and whether the hub answers."""

    model_id: str
    location: str
    on_hub: bool = False
    hub_answers: bool = False

    @property
    def offline(self) -> bool:
        """Read from the disk alone: a folder, or a hub id of which only the cache can be had."""
        return not (self.on_hub and self.hub_answers)


def find_source(model_id: str) -> Source:
    """The place to load a model from: a folder of that path, an embedded model, then the hub.

    Raises:
        ModelUnavailable: no such folder, a folder without a model, no such repository.
    """
    folder = Path(os.path.expanduser(model_id))  # Path.expanduser raises where nobody has that home
    if model_id in EMBEDDED and not folder.is_dir():
        folder = data_path("models", model_id)
    elif not folder.exists() and _HUB_ID.fullmatch(model_id):
        return Source(model_id, model_id, on_hub=True, hub_answers=_hub_answers(model_id))
    if not folder.is_dir():
        raise ModelUnavailable(f"model folder '{model_id}' does not exist; pass a folder or a hub id")
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(f"folder '{model_id}' holds no model: there is no config.json in it")
    return Source(model_id, str(folder))


@contextmanager
def loading(source: Source, what: str) -> Iterator[None]:
    """Quiet while files are read, and one line about whatever goes wrong with them.

    Any exception is the files' doing here: the readers raise a dozen unrelated types.
    """
    try:
        with _quiet():
            yield
    except SpecDecError:
        raise
    except Exception as error:
        reason = _cause(error, source)
        raise ModelUnavailable(f"cannot load the {what} of {source.model_id}: {reason}") from error


def _hub_answers(model_id: str) -> bool:
    """One request: True for a repository that exists, False when the hub is out of reach."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        HfApi().model_info(model_id, timeout=TIMEOUT)
    except GatedRepoError:
        return True  # it exists; reading its files says what is missing
    except RepositoryNotFoundError as error:
        raise ModelUnavailable(
            f"'{model_id}' is neither a local folder nor a public model on the hub; check its name, "
            "or log in (hf auth login) if it is private"
        ) from error
    except Exception:  # no network, a proxy's page, offline mode, a server error: all the same to us
        get_logger(__name__).debug("the hub did not answer", model_id=model_id, exc_info=True)
        return False
    return True


def _cause(error: BaseException, source: Source) -> str:
    """What went wrong, in a line: the kinds that users meet by name, else what was said."""
    kinds = {type(link).__name__ for link in _chain(error)}
    if "GatedRepoError" in kinds:
        return "it is gated; accept its licence on its page on the hub, then log in (hf auth login)"
    if "OutOfMemoryError" in kinds or isinstance(error, MemoryError):
        return "not enough memory; choose a smaller dtype or model"
    if source.on_hub and source.offline:
        return "no folder has that name, the hub cannot be reached, and its local cache lacks the files"
    if "SafetensorError" in kinds:
        return f"the file is damaged ({_one_line(error)})"
    return _one_line(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _one_line(error: BaseException) -> str:
    """The message, or what there is room for of it; the kind of the error when it has none."""
    return textwrap.shorten(str(error), 240, placeholder=" …") or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back progress bars, load reports and warnings of the libraries that read files."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging as transformers_logging

    quantiser = logging.getLogger("bitsandbytes")
    level = quantiser.level
    bars = transformers_logging.is_progress_bar_enabled()
    before = (transformers_logging.get_verbosity(), hub_logging.get_verbosity())
    transformers_logging.set_verbosity_error()
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
        quantiser.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()
