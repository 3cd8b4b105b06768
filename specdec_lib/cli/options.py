"""The options of the commands, each with its help, as types to annotate parameters with.

Ranges that a number alone decides are checked here; everything else is refused by the library,
whose message names the value. It knows no command and no model.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from specdec_lib.cli.terminal import reserve_output
from specdec_lib.errors import InvalidArgument

DEFAULT_PAIR = "pocket"
LARGEST_SEED = 2**63 - 1


def require_seed(seed: int | None) -> None:
    """Raises InvalidArgument: a seed that no generator takes, by the number that was given."""
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise InvalidArgument(f"the seed is {seed}; give a whole number from 0 to {LARGEST_SEED}")


def _option(panel: str | None, metavar: str | None, *names: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, rich_help_panel=panel, **more)


Json = Annotated[
    bool,
    _option(None, None, "--json", help="Print one JSON document instead.", callback=reserve_output),
]

_MODELS = "Models"
Pair = Annotated[
    str | None,
    _option(
        _MODELS, "NAME", "--pair", help="A pair that 'specdec pairs' lists. [dim]\\[default: pocket][/dim]"
    ),
]
DoctorPair = Annotated[
    str | None,
    _option(
        _MODELS, "NAME", "--pair", help="The pair to look at, one that 'specdec pairs' lists. "
        "[dim]\\[default: the machine, and all pairs][/dim]",
    ),
]  # fmt: skip
Target = Annotated[
    str | None, _option(_MODELS, "MODEL", "--target", help="A target of your own: a folder or a hub id.")
]
Draft = Annotated[str | None, _option(_MODELS, "MODEL", "--draft", help="The draft of that target.")]
Dtype = Annotated[
    str | None,
    _option(
        _MODELS, "TYPE", "--dtype", help="For both: float32, bfloat16, float16, int4, auto. "
        "[dim]\\[default: the pair's][/dim]",
    ),
]  # fmt: skip
DraftDtype = Annotated[
    str | None,
    _option(_MODELS, "TYPE", "--draft-dtype", help="For the draft alone. [dim]\\[default: as --dtype][/dim]"),
]
Drafter = Annotated[
    str | None,
    _option(
        _MODELS, "MODULE:CLASS", "--drafter", help="A drafter of your own in place of a draft model: a class "
        "that is called with the target.",
    ),
]  # fmt: skip
Device = Annotated[
    str | None,
    _option(
        _MODELS, "NAME", "--device", help="cpu, cuda, cuda:1, mps. [dim]\\[default: the best there is][/dim]"
    ),
]

Threads = Annotated[
    int | None,
    _option(
        _MODELS, "N", "--threads", help="CPU threads. [dim]\\[default: one for a small model][/dim]", min=1
    ),
]

_SPECULATION = "Speculation"
K = Annotated[int, _option(_SPECULATION, "N", "--k", "-k", help="Draft tokens a round.", min=1)]
Verifier = Annotated[
    str, _option(_SPECULATION, "RULE", "--verifier", help="How drafts are accepted: token or block.")
]
Autoregressive = Annotated[
    bool, _option(_SPECULATION, None, "--autoregressive", help="No draft: the target alone.")
]

_SAMPLING = "Sampling"
Temperature = Annotated[
    float,
    _option(
        _SAMPLING,
        "T",
        "--temperature",
        "-t",
        help="0 takes the most probable token. Only options count: the "
        "generation settings that come with a model are not applied.",
    ),
]
TopK = Annotated[int | None, _option(_SAMPLING, "N", "--top-k", help="Only the N most probable tokens.")]
TopP = Annotated[float | None, _option(_SAMPLING, "P", "--top-p", help="Only the nucleus of mass P.")]
MinP = Annotated[
    float | None,
    _option(_SAMPLING, "P", "--min-p", help="Only tokens at least P times as probable as the best."),
]
RepetitionPenalty = Annotated[
    float | None, _option(_SAMPLING, "X", "--repetition-penalty", help="Above 1 discourages repeats.")
]
Seed = Annotated[int | None, _option(_SAMPLING, "N", "--seed", help="The same seed gives the same text.")]

_ENDING = "Where the text ends"
MaxNewTokens = Annotated[int, _option(_ENDING, "N", "--max-new-tokens", "-n", help="Tokens at most.", min=0)]
Stop = Annotated[
    list[str] | None, _option(_ENDING, "TEXT", "--stop", help="End after this text; may be repeated.")
]
Steps = Annotated[
    Path | None,
    _option(
        None, "FILE", "--steps", help="Write a page (HTML) on which every decision can be walked through."
    ),
]
IgnoreEos = Annotated[bool, _option(_ENDING, None, "--ignore-eos", help="Go on past an end of text.")]

Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="Text to continue; '-' or nothing reads standard input as it is (echo ends it with "
        "a line break, printf does not).",
    ),
]
System = Annotated[
    str | None,
    _option(None, "TEXT", "--system", help="A system's turn before the prompt; includes --chat."),
]
Compare = Annotated[
    bool,
    _option(None, None, "--compare", help="Run the target alone too, and print the ratio of the speeds."),
]
PromptFile = Annotated[
    Path | None,
    _option(
        None,
        "FILE",
        "--prompt-file",
        "-f",
        help="Read the prompt from a UTF-8 file as it is, with its last line break.",
    ),
]

_GRID = "Grid"
KValues = Annotated[str, _option(_GRID, "N,N,…", "--k-values", "-k", help="Draft lengths.")]
Domains = Annotated[
    str | None,
    _option(
        _GRID, "NAME,…", "--domains", help="Of code, conversation, summarization, or of those in the file. "
        "[dim]\\[default: all][/dim]",
    ),
]  # fmt: skip
Temperatures = Annotated[str, _option(_GRID, "T,T,…", "--temperatures", "-t", help="Sampling temperatures.")]
RunTokens = Annotated[
    int,
    _option(_GRID, "N", "--max-new-tokens", "-n", help="Tokens of every run; the end of text is ignored."),
]
Repeats = Annotated[int, _option(_GRID, "N", "--repeats", help="Runs of each prompt.")]
GridSeed = Annotated[int, _option(_GRID, "N", "--seed", help="All per-run seeds are derived from it.")]
NoProfile = Annotated[
    bool, _option(_GRID, None, "--no-profile", help="Only timed runs: no phases, no single forwards.")
]
Output = Annotated[
    Path | None,
    _option(
        None,
        "FILE",
        "--output",
        "-o",
        help="Results file, only ever appended to. [dim]\\[default: runs/PAIR.jsonl][/dim]",
    ),
]
_PEERS = "Comparison"
Peers = Annotated[
    bool,
    _option(_PEERS, None, "--peers", help="Side by side with Hugging Face's generate, each arm of both."),
]
Compile = Annotated[
    bool | None,
    _option(
        None, None, "--compile/--no-compile", help="Run both models through torch.compile; with --peers: "
        "compare the compiled arms too. [dim]\\[default: only with --peers][/dim]", show_default=False,
    ),
]  # fmt: skip
CompileModels = Annotated[
    bool, _option(None, None, "--compile", help="Run both models through torch.compile (a minute or more).")
]
InProcess = Annotated[
    bool, _option(None, None, "--in-process", help="Measure here, without papermill and a notebook.")
]
Resume = Annotated[
    bool,
    _option(None, None, "--resume", help="Go on with the newest session of the file: nothing is run twice."),
]
Show = Annotated[
    Path | None,
    _option(None, "FILE", "--show", help="Measure nothing: summarise the newest session of FILE."),
]

Corpus = Annotated[
    Path,
    _option(None, "FILE", "--corpus", help='JSON lines {"domain", "text"}; .jsonl, .jsonl.xz or .jsonl.gz.'),
]
Out = Annotated[Path, _option(None, "DIR", "--out", help="Folder for the pair and the work in progress.")]
RecipeFile = Annotated[
    Path | None,
    _option(None, "FILE", "--recipe", help="TOML recipe. [dim]\\[default: data/configs/pocket.toml][/dim]"),
]
NoCompile = Annotated[bool, _option(None, None, "--no-compile", help="Train without torch.compile.")]

_PROMPTS = "Prompts"
Prompts = Annotated[
    str | None,
    _option(
        _PROMPTS, "N|FILE", "--prompts", help="How many of the built-in prompts, or a file of your own: JSON "
        "lines with 'prompt' or 'messages' (and 'domain'), or text with a prompt a line.",
    ),
]  # fmt: skip
NumPrompts = Annotated[
    int | None,
    _option(
        _PROMPTS, "N", "--num-prompts", help="Prompts a domain, of a file. [dim]\\[default: all][/dim]", min=1
    ),
]
Chat = Annotated[
    bool,
    _option(_PROMPTS, None, "--chat", help="Prompts are a user's turns, put into the target's own template."),
]

_PROOF = "Proof"
BothVerifiers = Annotated[
    str, _option(_SPECULATION, "RULE", "--verifier", help="What to prove: token, block or both.")
]
VerifyTemperature = Annotated[
    float, _option(_PROOF, "T", "--temperature", "-t", help="Of what is sampled, above 0.")
]
Samples = Annotated[
    int,
    _option(
        _PROOF, "N", "--samples", help="Continuations for the joint law; more see smaller deviations.", min=1
    ),
]
VerifyTokens = Annotated[
    int, _option(_PROOF, "N", "--tokens", "-n", help="Tokens of each longer text.", min=2)
]
VerifySeed = Annotated[int, _option(_PROOF, "N", "--seed", help="Everything random follows from it.", min=0)]
MutantName = Annotated[
    str | None,
    _option(_PROOF, "NAME", "--mutant", help="Put a decoder that is wrong on purpose on trial."),
]
Mutants = Annotated[
    bool, _option(_PROOF, None, "--mutants", help="Try every mutant and control on small table models.")
]
Seeds = Annotated[int, _option(_PROOF, "N", "--seeds", help="Seeds for --mutants.", min=1)]

Result = Annotated[
    Path | None,
    typer.Argument(
        metavar="RESULT",
        help="A results file of 'specdec bench'. [dim]\\[default: runs/PAIR.jsonl; for pocket, "
        "else the recorded one][/dim]",
        show_default=False,
    ),
]
_RESULTS = "Whose results, without RESULT"
ResultPair = Annotated[
    str | None,
    _option(_RESULTS, "NAME", "--pair", help="Those of this pair. [dim]\\[default: pocket][/dim]"),
]
ResultTarget = Annotated[
    str | None, _option(_RESULTS, "MODEL", "--target", help="Of models of your own, as 'bench' was given it.")
]
ResultDraft = Annotated[str | None, _option(_RESULTS, "MODEL", "--draft", help="The draft of that target.")]
ResultDrafter = Annotated[
    str | None, _option(_RESULTS, "MODULE:CLASS", "--drafter", help="The drafter in place of a draft model.")
]
_CELLS = "Cells"
CellDomain = Annotated[
    str | None, _option(_CELLS, "NAME", "--domain", help="One domain. [dim]\\[default: all together][/dim]")
]
CellTemperature = Annotated[
    float | None,
    _option(_CELLS, "T", "--temperature", "-t", help="One temperature. [dim]\\[default: each][/dim]"),
]
CellK = Annotated[
    int | None, _option(_CELLS, "N", "--k", "-k", help="One K. [dim]\\[default: the fastest, in full][/dim]")
]
Reach = Annotated[
    float | None,
    _option(_CELLS, "X", "--reach", help="Say how cheap the draft must be for a speedup of X."),
]


def parse_prompts(value: str) -> tuple[int | None, Path | None]:
    """What ``--prompts`` asks for: a number of built-in prompts, or a file; the other one is None.

    A file whose name is a number is written with its folder: ``./30``.

    Raises:
        InvalidArgument: a number below 1, or no such file.
    """
    try:
        number = int(value)
    except ValueError:
        return None, _existing_file(value)
    if number < 1:
        raise InvalidArgument(f"--prompts is {number}; give a number of at least 1, or a file")
    return number, None


def _existing_file(value: str) -> Path:
    if os.path.isfile(value):
        return Path(value)
    what = "is neither a number nor a file that exists"
    if os.path.isdir(value):
        what = "is a folder"
    elif os.path.exists(value):
        what = "is a pipe or a device, and prompts are read more than once"
    raise InvalidArgument(f"--prompts: '{value}' {what}; give a number, or a file of prompts")
