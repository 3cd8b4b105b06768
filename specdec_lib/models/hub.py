"""What the Hugging Face hub answers about a model, and what its answers mean to a user.

One request a model, neither retried nor waited for longer than ``TIMEOUT``. A hub that does not answer, or
answers that it is busy or that the access token is no good, leaves the local cache; the reason is kept, so
that whoever misses a file there can say why.
"""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.errors import ModelUnavailable, causes
from specdec_lib.utils.logging import get_logger

TIMEOUT = 10.0
UNREACHABLE = "the hub cannot be reached"
GATED = "it is gated; accept its licence on its page on the hub, then log in (hf auth login)"

_MEANING = {
    401: "the hub refuses the access token (401); log in again (hf auth login) or unset HF_TOKEN",
    403: "the hub forbids it (403); this access token lacks the permission, so log in with another",
    429: "the hub is busy with too many requests (429); wait a minute, or log in (hf auth login)",
}


@dataclass(frozen=True)
class HubAnswer:
    """Whether the hub serves a repository now, why not, and the names of its files (where it told)."""

    answers: bool
    reason: str = UNREACHABLE
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
        raise ModelUnavailable(
            f"'{model_id}' is neither a local folder nor a public model on the hub; check its name, "
            "or log in (hf auth login) if it is private or the access token has expired"
        ) from error
    except Exception as error:  # no network, a proxy's page, offline mode, a server error
        get_logger(__name__).debug("the hub did not answer", model_id=model_id, exc_info=True)
        return HubAnswer(False, meaning(error) or UNREACHABLE)
    return HubAnswer(True, files=tuple(file.rfilename for file in info.siblings or ()))


def meaning(error: BaseException) -> str | None:
    """What an HTTP status in an error, or in what caused it, means; None where there is none."""
    for link in causes(error):
        status = getattr(getattr(link, "response", None), "status_code", None)
        if isinstance(status, int) and status in _MEANING:
            return _MEANING[status]
        if isinstance(status, int) and status >= 500:
            return f"the hub is out of order or busy ({status}); try again later"
    return None
