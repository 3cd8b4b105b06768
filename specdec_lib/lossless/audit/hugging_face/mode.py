"""One way in which ``generate`` can be asked to speculate, and what it takes to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.small_models import SmallPair
from specdec_lib.lossless.audit.hugging_face.trial import ModeTrial
from specdec_lib.models.source import quiet


@dataclass(frozen=True)
class Mode:
    """One way of speculating.

    Attributes:
        name: on the command line, behind ``hf:``.
        says: what it is, in a few words.
        options: keywords of ``generate``, given the trial and the draft, which may be prepared in place.
        needs_draft: whether it takes an assistant. own_models: runs on small models of its own alone.
        is_lossy: whether it is documented to change the law.
        is_there: whether the installed Transformers has it.
        prepare: makes a target ready for K tokens a round, in place.
        models: the target and draft that a small pair stands for.
        told: what a reader of its verdict should know of these models; nothing where there is nothing.
    """

    name: str
    says: str
    options: Callable[[ModeTrial, Any], dict[str, Any]]
    needs_draft: bool = False
    own_models: bool = False
    is_lossy: bool = False
    is_there: Callable[[], bool] = lambda: True
    prepare: Callable[[Any, int], None] = lambda target, k: None
    models: Callable[[SmallPair], tuple[Any, Any]] = lambda pair: (pair.target(), pair.draft())
    told: Callable[[], str] = lambda: ""

    def generate(self, trial: ModeTrial, seed: int | None = None) -> list[int]:
        """The new ids of one text.

        Raises:
            InvalidArgument: this Transformers lacks the mode, or its models cannot draft K tokens.
        """
        if not self.is_there():
            raise InvalidArgument(sentences.LACKS_MODE.format(_version(), self.name))
        target = trial.make_target()
        self.prepare(target, trial.k)
        draft = trial.make_draft() if self.needs_draft and trial.make_draft is not None else None
        prompt = torch.tensor([trial.prompt], device=target.device)
        options = self.options(trial, draft)
        sampling: dict[str, Any] = {"do_sample": False}
        if trial.temperature > 0:
            cut = trial.top_k or 0
            sampling = {"do_sample": True, "temperature": trial.temperature, "top_k": cut, "top_p": 1.0}
        if seed is not None:
            torch.manual_seed(seed)
        with quiet():
            made = target.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=trial.num_tokens,
                **sampling,
                **options,
            )
        return made[0, prompt.shape[1] :].tolist()

    def require(self, draft: Any | None) -> None:
        """Refuse models of one's own that the mode cannot run on.

        Raises:
            InvalidArgument: it needs a draft and there is none, or it runs on small models alone.
        """
        if self.own_models:
            raise InvalidArgument(sentences.OWN_MODELS.format(self.name))
        if self.needs_draft and draft is None:
            raise InvalidArgument(sentences.NEEDS_DRAFT.format(self.name))


def _version() -> str:
    import transformers

    return transformers.__version__
