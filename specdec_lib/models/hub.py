"""What the Hugging Face hub answers about a model, and what its answers mean to a user.

One request a model, neither retried nor waited for longer than ``TIMEOUT``. A hub that does not answer, or
answers that it is busy or that the access token is no good, leaves the local cache; the reason is kept, so
that whoever misses a file there can say why.
"""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.errors import ModelUnavailable, causes
from specdec_lib.models import sentences
from specdec_lib.utils.logging import get_logger

TIMEOUT = 10.0
_MEANING = {
    401: sentences.TOKEN_REFUSED,
    403: sentences.TOKEN_FORBIDDEN,
    429: sentences.HUB_IS_BUSY,
}


@dataclass(frozen=True)
class HubAnswer:
    """Whether the hub serves a repository now, why not, and the names of its files (where it told)."""

    answers: bool
    reason: str = sentences.HUB_UNREACHABLE
    files: tuple[str, ...] = ()


def ask_hub(model_id: str) -> HubAnswer:
    """One request about one model.

    Raises:
        ModelUnavailable: there is no such repository, or a private one.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = HfApi().model_info(model_id, timeout=TIMEOUT)
    except GatedRepoError:
        return HubAnswer(True)  # it exists; reading its files says what is missing
    except RepositoryNotFoundError as error:
        raise ModelUnavailable(sentences.NEITHER_FOLDER_NOR_REPOSITORY.format(model_id)) from error
    except Exception as error:  # no network, a proxy's page, offline mode, a server error
        get_logger(__name__).debug(sentences.HUB_SILENT, model_id=model_id, exc_info=True)
        return HubAnswer(False, meaning(error) or sentences.HUB_UNREACHABLE)
    return HubAnswer(True, files=tuple(file.rfilename for file in info.siblings or ()))


def meaning(error: BaseException) -> str | None:
    """What an HTTP status in an error, or in what caused it, means; None where there is none."""
    for link in causes(error):
        status = getattr(getattr(link, "response", None), "status_code", None)
        if isinstance(status, int) and status in _MEANING:
            return _MEANING[status]
        if isinstance(status, int) and status >= 500:
            return sentences.HUB_IS_BROKEN.format(status)
    return None
