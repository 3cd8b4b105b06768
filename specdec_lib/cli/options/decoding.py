"""How a text is decoded: what is continued, speculation, sampling, and where it ends."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option
from specdec_lib.errors import InvalidArgument

PromptText = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="Text to continue; '-' or nothing reads standard input as it is (echo ends it with "
        "a line break, printf does not).",
    ),
]
System = Annotated[
    str | None, option(None, "TEXT", "--system", help="A system's turn before the prompt; includes --chat.")
]
PromptFile = Annotated[
    Path | None,
    option(
        None, "FILE", "--prompt-file", "-f",
        help="Read the prompt from a UTF-8 file as it is, with its last line break.",
    ),
]  # fmt: skip

_prompt = partial(option, "Prompts")
Prompts = Annotated[
    str | None,
    _prompt(
        "N|FILE", "--prompts", help="How many of the built-in prompts, or a file of your own: JSON "
        "lines or Parquet with 'prompt', 'messages' or 'turns' (and 'domain'), or text with a prompt a line.",
    ),
]  # fmt: skip
NumPrompts = Annotated[
    int | None, _prompt("N", "--num-prompts", help="Rows a domain, of a file.", default="all", min=1)
]
Chat = Annotated[
    bool, _prompt(None, "--chat", help="Prompts are a user's turns, put into the target's own template.")
]

_speculation = partial(option, "Speculation")
K = Annotated[
    str,
    _speculation(
        "N|POLICY", "--k", "-k", help="Draft tokens a round: a number, or a policy: confidence:0.4, "
        "entropy:0.4, cost-aware.",
    ),
]  # fmt: skip
OneVerifier = Annotated[
    str, _speculation("RULE", "--verifier", help="How drafts are accepted: token or block.")
]
BothVerifiers = Annotated[
    str, _speculation("RULE", "--verifier", help="What to prove: token, block or both.")
]
Autoregressive = Annotated[bool, _speculation(None, "--autoregressive", help="No draft: the target alone.")]

_sampling = partial(option, "Sampling")
Temperature = Annotated[
    float,
    _sampling(
        "T", "--temperature", "-t", help="0 takes the most probable token. Only options count: the "
        "generation settings that come with a model are not applied.",
    ),
]  # fmt: skip
TopK = Annotated[int | None, _sampling("N", "--top-k", help="Only the N most probable tokens.")]
TopP = Annotated[float | None, _sampling("P", "--top-p", help="Only the nucleus of mass P.")]
MinP = Annotated[
    float | None, _sampling("P", "--min-p", help="Only tokens at least P times as probable as the best.")
]
RepetitionPenalty = Annotated[
    float | None, _sampling("X", "--repetition-penalty", help="Above 1 discourages repeats.")
]
Seed = Annotated[int | None, _sampling("N", "--seed", help="The same seed gives the same text.")]
LARGEST_SEED = 2**63 - 1


def require_seed(seed: int | None) -> None:
    """Raises InvalidArgument: a seed that no generator takes, by the number that was given."""
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise InvalidArgument(f"the seed is {seed}; give a whole number from 0 to {LARGEST_SEED}")


_ending = partial(option, "Where the text ends")
MaxNewTokens = Annotated[int, _ending("N", "--max-new-tokens", "-n", help="Tokens at most.", min=0)]
Stop = Annotated[list[str] | None, _ending("TEXT", "--stop", help="End after this text; may be repeated.")]
IgnoreEos = Annotated[bool, _ending(None, "--ignore-eos", help="Go on past an end of text.")]
Compare = Annotated[
    bool, option(None, None, "--compare", help="Run the target alone too, and print the ratio of the speeds.")
]
Steps = Annotated[
    Path | None,
    option(
        None, "FILE", "--steps", help="Write a page (HTML) on which every decision can be walked through."
    ),
]
