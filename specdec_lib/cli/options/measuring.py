"""What is measured, proved, explained or trained, and where that goes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option

# -- bench -----------------------------------------------------------------------------------------

_grid = partial(option, "Grid")
KValues = Annotated[
    str,
    _grid(
        "N,N,…", "--k-values", "--k", "-k", help="Draft lengths, policies too, as 'generate' takes them: "
        "2,4,cost-aware.",
    ),
]  # fmt: skip
Domains = Annotated[
    str | None,
    _grid(
        "NAME,…", "--domains", help="Of code, conversation, summarization, or of those in the file.",
        default="all",
    ),
]  # fmt: skip
Temperatures = Annotated[str, _grid("T,T,…", "--temperatures", "-t", help="Sampling temperatures.")]
RunTokens = Annotated[
    int, _grid("N", "--max-new-tokens", "-n", help="Tokens of every run; the end of text is ignored.")
]
Repeats = Annotated[int, _grid("N", "--repeats", help="Runs of each prompt.")]
GridSeed = Annotated[int, _grid("N", "--seed", help="All per-run seeds are derived from it.")]
NoProfile = Annotated[
    bool, _grid(None, "--no-profile", help="Only timed runs: no phases, no single forwards.")
]
Output = Annotated[
    Path | None,
    option(
        None, "FILE", "--output", "-o", help="Results file, only ever appended to.",
        default="runs/PAIR.jsonl",
    ),
]  # fmt: skip
Peers = Annotated[
    bool,
    option(
        "Comparison", None, "--peers", help="Side by side with Hugging Face's generate, each arm of both."
    ),
]
Engines = Annotated[
    list[str] | None,
    option(
        "Comparison", "NAME,…", "--engines", help="With --peers: other engines too, without and with the "
        "draft. llama.cpp (or llama.cpp-f16, with its own cache) and openvino are brought by 'make peers'; "
        "http://HOST:PORT, or NAME=http://…, is a server that runs already.",
    ),
]  # fmt: skip
EnginesFolder = Annotated[
    Path, option("Comparison", "FOLDER", "--engines-folder", help="Where 'make peers' has put them.")
]
Compile = Annotated[
    bool | None,
    option(
        None, None, "--compile/--no-compile", help="Run both models compiled, as 'generate' does; with "
        "--peers: compare the compiled arms too.", default="only with --peers", show_default=False,
    ),
]  # fmt: skip
InProcess = Annotated[
    bool, option(None, None, "--in-process", help="Measure here, without papermill and a notebook.")
]
Resume = Annotated[
    bool,
    option(None, None, "--resume", help="Go on with the newest session of the file: nothing is run twice."),
]
Show = Annotated[
    Path | None, option(None, "FILE", "--show", help="Measure nothing: summarise the newest session of FILE.")
]

# -- explain ---------------------------------------------------------------------------------------

Result = Annotated[
    Path | None,
    typer.Argument(
        metavar="RESULT",
        help="A results file of 'specdec bench'. [dim]\\[default: runs/PAIR.jsonl; for pocket, "
        "else the recorded one][/dim]",
        show_default=False,
    ),
]
_result = partial(option, "Whose results, without RESULT")
ResultPair = Annotated[str | None, _result("NAME", "--pair", help="Those of this pair.", default="pocket")]
ResultTarget = Annotated[
    str | None, _result("MODEL", "--target", help="Of models of your own, as 'bench' was given it.")
]
ResultDraft = Annotated[
    str | None, _result("DRAFT", "--draft", help="What drafted, as 'bench' was given it.")
]
ResultDrafter = Annotated[
    str | None, _result("MODULE:CLASS", "--drafter", help="The drafter in place of a draft model.")
]

_cell = partial(option, "Cells")
CellDomain = Annotated[str | None, _cell("NAME", "--domain", help="One domain.", default="all together")]
CellTemperature = Annotated[
    float | None, _cell("T", "--temperature", "-t", help="One temperature.", default="each")
]
CellK = Annotated[int | None, _cell("N", "--k", "-k", help="One K.", default="the fastest, in full")]
Reach = Annotated[
    float | None, _cell("X", "--reach", help="Say how cheap the draft must be for a speedup of X.")
]
_foreign = partial(option, "Another engine's run")
Origin = Annotated[
    list[str] | None,
    _foreign(
        "FILE|URL", "--from", help="Counters of vLLM, SGLang, llama.cpp or OpenVINO GenAI: a scrape of "
        "/metrics or the server's address, an answer in JSON, a log. Twice: two scrapes, the earlier first.",
    ),
]  # fmt: skip
StepPlain = Annotated[
    float | None, _foreign("MS", "--step-plain", help="Milliseconds of a step without a draft.")
]
StepRound = Annotated[
    float | None,
    _foreign(
        "MS", "--step", help="Milliseconds of a whole round: its draft, its verification, all else.",
        default="the engine's own time",
    ),
]  # fmt: skip
StepDraft = Annotated[float | None, _foreign("MS", "--draft-step", help="Milliseconds of one draft step.")]

# -- verify ----------------------------------------------------------------------------------------

_proof = partial(option, "Proof")
VerifyTemperature = Annotated[float, _proof("T", "--temperature", "-t", help="Of what is sampled, above 0.")]
Samples = Annotated[
    int, _proof("N", "--samples", help="Continuations for the joint law; more see smaller deviations.", min=1)
]
VerifyTokens = Annotated[int, _proof("N", "--tokens", "-n", help="Tokens of each longer text.", min=2)]
VerifySeed = Annotated[int, _proof("N", "--seed", help="Everything random follows from it.", min=0)]
MutantName = Annotated[
    str | None, _proof("NAME", "--mutant", help="Put a decoder that is wrong on purpose on trial.")
]
Mutants = Annotated[
    bool, _proof(None, "--mutants", help="Try every mutant and control on small table models.")
]
Seeds = Annotated[int, _proof("N", "--seeds", help="Seeds for --mutants.", min=1)]

# -- train -----------------------------------------------------------------------------------------

Corpus = Annotated[
    Path | None,
    option(None, "FILE", "--corpus", help='JSON lines {"domain", "text"}; .jsonl, .jsonl.xz or .jsonl.gz.'),
]
Out = Annotated[
    Path, option(None, "DIR", "--out", help="Folder for the pair or the exit, and the work in progress.")
]
RecipeFile = Annotated[
    Path | None, option(None, "FILE", "--recipe", help="TOML recipe.", default="data/configs/pocket.toml")
]
NoCompile = Annotated[bool, option(None, None, "--no-compile", help="Train without torch.compile.")]
ExitLayers = Annotated[
    int | None,
    option(
        "An exit", "N", "--exit", help="Train, in place of a pair, the exit behind the first N layers of a "
        "target: --draft head:DIR then drafts with it.", min=1,
    ),
]  # fmt: skip
ExitTarget = Annotated[
    str | None, option("An exit", "MODEL", "--target", help="The target that exits early.")
]
ExitTokens = Annotated[
    int | None,
    option(
        "An exit", "N", "--tokens", help="Positions to learn from, in texts that the target writes: behind "
        "pieces of --corpus, or of the built-in prompts.", default="500 000", min=1,
    ),
]  # fmt: skip
