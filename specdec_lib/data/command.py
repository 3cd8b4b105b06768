"""The command behind ``python -m specdec_lib.data.prompts``: tokenizer in, two prompt files and a table out.

It prints its progress and the table on standard output. Whatever the user can get wrong becomes one line on
standard error and exit code 2. Only here is ``transformers`` imported, to read a tokenizer.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from specdec_lib.data.prompts import DOMAINS, SOURCES, PromptDataset
from specdec_lib.data.sources import HUB_TIMEOUT
from specdec_lib.errors import ModelUnavailable, reason_of
from specdec_lib.utils.entry_point import OneLineParser, exit_code
from specdec_lib.utils.numbers import counted, written_whole
from specdec_lib.utils.paths import data_path

TINY_PER_DOMAIN = 5
EMBEDDED = {name: data_path("models", "pocket-target") for name in ("pocket", "pocket-target")}


def run(argv: Sequence[str] | None = None) -> int:
    """Build, print and save; returns the exit code: 0, or 2 for bad input."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? for → and goes on
    arguments = _parser().parse_args(argv)
    return exit_code(lambda: _build_and_save(arguments), "[prompts] error: ")


def find_tokenizer(name: str) -> Any:
    """A Hugging Face tokenizer: of a local folder, of the hub (its cache first), or the embedded ``pocket``.

    Raises:
        ModelUnavailable: no such folder, nothing readable in it, no such repository, no network.
    """
    folder = EMBEDDED[name] if name in EMBEDDED and not Path(name).is_dir() else Path(name).expanduser()
    if name and folder.is_dir():
        if not any(folder.glob("tokenizer*")) and not any(folder.glob("vocab*")):
            raise ModelUnavailable(f"folder '{name}' holds no tokenizer: there is no tokenizer.json in it")
        return _read(name, folder, local_files_only=True)
    looks_like_path = not name or folder.is_absolute() or name.startswith((".", "~"))
    if looks_like_path or folder.exists() or name in EMBEDDED:
        raise ModelUnavailable(f"no tokenizer folder '{name}'; pass a folder, a hub id or 'pocket'")
    try:
        return _read(name, name, local_files_only=True)
    except ModelUnavailable:
        logging.getLogger(__name__).debug("tokenizer %s is not in the local cache", name, exc_info=True)
    _ask_hub(name)
    return _read(name, name, local_files_only=False)


def table_of_counts(dataset: PromptDataset) -> list[str]:
    """The lines of the table of token counts: one row a domain, after a header and a rule."""
    header = f"{'domain':<20}{'n':>5}{'min':>7}{'mean':>8}{'max':>7}"
    lines = [header, "-" * len(header)]
    for domain in DOMAINS:
        counts = [prompt.token_count for prompt in dataset.get_by_domain(domain)]
        mean = sum(counts) / len(counts)
        lines.append(f"{domain:<20}{len(counts):>5}{min(counts):>7}{mean:>8.1f}{max(counts):>7}")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        "[prompts] error: ",
        prog="python -m specdec_lib.data.prompts",
        description="Collect prompts of three domains, count their tokens and save them as JSON.",
        epilog="example: python -m specdec_lib.data.prompts --tokenizer pocket --output data/prompts.json",
    )
    add = parser.add_argument
    add("--tokenizer", default="pocket", help="a hub id, a local folder, or pocket (the default)")
    add("--output", type=_file, default=Path("data/prompts.json"), help="file to write (%(default)s)")
    add("--n-per-domain", type=_count, default=50, help="prompts per domain (%(default)s)")
    add("--source", choices=SOURCES, default="auto", help="where texts come from (%(default)s)")
    add("--seed", type=int, default=42, help="chooses among the texts of the hub (%(default)s)")
    return parser


def _count(text: str) -> int:
    number = written_whole(text)
    if number is None or number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def _file(text: str) -> Path:
    if not Path(text).name or Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file in it")
    return Path(text)


def _build_and_save(arguments: argparse.Namespace) -> None:
    print(f"[prompts] loading tokenizer: {arguments.tokenizer}", flush=True)
    tokenizer = find_tokenizer(arguments.tokenizer)
    number = counted(arguments.n_per_domain, "prompt")
    print(f"[prompts] building full dataset ({number} per domain) …", flush=True)
    dataset = PromptDataset.build(tokenizer, arguments.n_per_domain, arguments.source, arguments.seed)
    print("", *table_of_counts(dataset), sep="\n")
    output: Path = arguments.output
    for part, path in (
        (dataset, output),
        (dataset.first(TINY_PER_DOMAIN), output.with_name(f"{output.stem}_tiny{output.suffix}")),
    ):
        part.save(path)
        print(f"[prompts] saved {len(part):>3} prompts → {path}")


def _read(name: str, where: str | Path, local_files_only: bool) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            where, local_files_only=local_files_only, trust_remote_code=False
        )
    except Exception as error:  # the readers of tokenizer files raise a dozen unrelated types
        raise ModelUnavailable(f"cannot load tokenizer '{name}': {reason_of(error)}") from error


def _ask_hub(name: str) -> None:
    """One short request, because transformers retries for most of a minute where there is no network."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    try:
        HfApi().model_info(name, timeout=HUB_TIMEOUT)
    except GatedRepoError as error:
        raise ModelUnavailable(f"tokenizer '{name}' is gated on the hub; run: hf auth login") from error
    except HfHubHTTPError as error:
        raise ModelUnavailable(f"tokenizer '{name}' is neither a folder nor a public model") from error
    except Exception as error:  # no network, a proxy's page, a name that is none
        raise ModelUnavailable(
            f"cannot load tokenizer '{name}': it is no folder, it is not in the local cache, and the hub "
            f"does not give it ({reason_of(error)}); pass a local folder, or 'pocket'"
        ) from error
