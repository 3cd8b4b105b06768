"""How the time of a step and of a round grows: with the context, with K, with the depth of the target.

A block is one value of one axis. All its arms run in it one after the other, each block starting with the
next arm, and every repeat goes through all values, so that drift slows all of them alike. The first round,
which reads the prompt, is left out, and so are the last ones, for which fewer than K drafts have room.

Costs are those of the architecture. Where a context is longer than the models were trained for, their limit
is raised: the times are real, and the text means nothing. Tables are made by
:mod:`specdec_lib.bench.tables.growth`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from specdec_lib.bench.measure.grid import rotated
from specdec_lib.bench.measure.growth.arms import (
    Arm,
    Seconds,
    forwards,
    hugging_face_rounds,
    lengthened,
    our_rounds,
    shortened,
)
from specdec_lib.bench.measure.peers.hugging_face import twin
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.origin import are_comparable
from specdec_lib.bench.records.schema import Record, read_records
from specdec_lib.bench.tables.growth import growth_table, scaling_table
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.entry_point import OneLineParser, exit_code

_ROUNDS = 4
"""Rounds that a timed generation has room for at least."""
_SPARE = 64


@dataclass(frozen=True)
class Plan:
    """What to measure. An axis without values is left out.

    Args:
        contexts: tokens of text before the first timed round.
        k_values: draft lengths.
        depths: layers of the target that are kept, the first ones.
        k: drafts a round where K does not vary. context: tokens of text where the context does not vary.
        new_tokens: tokens that a timed generation emits at least.
        repeats: times that each block is run.
        compile: at each depth have our compiled step too.
    """

    contexts: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096, 8192)
    k_values: tuple[int, ...] = tuple(range(1, 17))
    depths: tuple[int, ...] = ()
    k: int = 4
    context: int = 256
    new_tokens: int = 32
    repeats: int = 3
    compile: bool = False

    def __post_init__(self) -> None:
        numbers = {"k": self.k, "context": self.context, "new_tokens": self.new_tokens}
        numbers |= {"repeats": self.repeats, "contexts": min(self.contexts, default=1)}
        numbers |= {"k_values": min(self.k_values, default=1), "depths": min(self.depths, default=1)}
        for name, number in numbers.items():
            if number < 1:
                raise InvalidArgument(f"scaling: {name} holds {number}; pass whole numbers >= 1")

    @property
    def longest(self) -> int:
        """Positions that a model must have for all of it."""
        most = max((self.k, *self.k_values))
        return max((self.context, *self.contexts)) + self.tokens(most) + _SPARE

    def tokens(self, k: int) -> int:
        """Tokens to emit at ``k`` drafts a round."""
        return max(self.new_tokens, _ROUNDS * (k + 1))

    def blocks(self) -> Iterator[tuple[int, str, int]]:
        """Repeat, axis and value of every block, in the order in which they run."""
        axes = (("context", self.contexts), ("k", self.k_values), ("depth", self.depths))
        for repeat in range(self.repeats):
            yield from ((repeat, vary, value) for vary, values in axes for value in values)


class Scaling:
    """One session of these measurements; a record is appended as soon as its block is done.

    Args:
        pair: name of the pair, for the records. target, draft: its models, eager; they stay as they are.
        text_ids: any text; it is repeated to the length asked for.
        output_path: results file. Blocks that it already holds, measured with the same models in the same
            environment, are not measured again, so that a run that was ended goes on.
        report: called with a line of progress now and then.
    """

    def __init__(
        self,
        plan: Plan,
        pair: str,
        target: ModelWrapper,
        draft: ModelWrapper,
        text_ids: Sequence[int],
        output_path: str | Path,
        report: Callable[[str], None] = lambda line: print(f"[scaling] {line}", flush=True),
    ) -> None:
        if not text_ids:
            raise InvalidArgument("scaling: the text is empty; give at least one token")
        self.plan, self.pair, self.report = plan, pair, report
        self.trained = target.context_length
        self.target, self.draft = (lengthened(model, plan.longest) for model in (target, draft))
        self.text_ids, self.output_path = list(text_ids), Path(output_path)
        self._session = Session(output_path, target, draft)
        self._arms = cache(self._make_arms)

    def measure(self) -> list[Record]:
        """Every block that the file does not hold yet; returns the records that were appended."""
        known = self._known()
        blocks = [block for block in self.plan.blocks() if block not in known]
        if known:
            self.report(f"{len(known)} blocks are there already, {len(blocks)} are left")
        for block in self._colds(blocks):
            self._run(block, turn=0)  # what only the first call pays, such as compiling, is not kept
        records = []
        for turn, block in enumerate(blocks):
            seconds = self._run(block, turn)
            records += self._session.append([self._record(block, seconds)])
            self.report(f"{turn + 1:3d}/{len(blocks)} {_told(block, seconds)}")
        return records

    def _colds(self, blocks: Sequence[tuple[int, str, int]]) -> list[tuple[int, str, int]]:
        """One block an axis; of the depth every one, because each has a model of its own."""
        keys = {(vary, value if vary == "depth" else 0): (0, vary, value) for _, vary, value in blocks[::-1]}
        return list(keys.values())[::-1]

    def _known(self) -> set[tuple[int, str, int]]:
        """Blocks of the file that need not be measured again."""
        if not self.output_path.exists():
            return set()
        session = self._session
        wanted = {"pair": self.pair, "environment": session.environment, "models": session.models}
        found = set()
        for record in read_records(self.output_path)[0]:
            if record["kind"] != "scaling" or not are_comparable(record, wanted):
                continue
            block = record["repeat"], record["vary"], record["value"]
            if self._settings(block).items() <= record.items():
                found.add(block)
        return found & set(self.plan.blocks())

    def _settings(self, block: tuple[int, str, int]) -> dict[str, int]:
        """K, context and depth of a block."""
        _, vary, value = block
        depth = self.target.config.num_hidden_layers
        return {"k": self.plan.k, "context": self.plan.context, "depth": depth} | {vary: value}

    def _record(self, block: tuple[int, str, int], seconds: Seconds) -> Record:
        repeat, vary, value = block
        settings = self._settings(block)
        beyond = self.trained is not None and settings["context"] > self.trained
        told = {"pair": self.pair, "vary": vary, "value": value, "repeat": repeat}
        return {"kind": "scaling", **told, **settings, "beyond_training": beyond, "seconds": seconds}

    def _run(self, block: tuple[int, str, int], turn: int) -> Seconds:
        settings = self._settings(block)
        length = settings["context"]
        ids = (self.text_ids * (length // len(self.text_ids) + 1))[:length]
        seconds: Seconds = {}
        arms = self._arms(block[1], settings["k"], settings["depth"])
        for index in rotated(range(len(arms)), turn):
            seconds |= arms[index](ids)
        return dict(sorted(seconds.items()))

    def _make_arms(self, vary: str, k: int, depth: int) -> list[Arm]:
        """The arms of a block; those of another context are the same."""
        tokens = self.plan.tokens(k)
        if vary == "depth":
            shallow = shortened(self.target, depth)
            arms = self._baselines(shallow, tokens)
            if self.plan.compile:
                model = ModelWrapper(
                    twin(shallow.model),
                    compile=True,
                    vocab_size=shallow.vocab_size,
                    masked_ids=shallow.masked_ids,
                )
                make = partial(AutoregressiveDecoder, model)
                arms.append(partial(our_rounds, "ours token, compiled", make, tokens, 0))
            return arms
        speculate = partial(SpeculativeDecoder, self.target, self.draft, k=k)
        ours = partial(our_rounds, "ours round", speculate, tokens, k)
        if vary == "k":
            return [ours, partial(forwards, self.target, self.draft, k)]
        return [
            ours,
            hugging_face_rounds("HF round", self.target, self.draft, tokens, k),
            *self._baselines(self.target, tokens),
        ]

    @staticmethod
    def _baselines(target: ModelWrapper, tokens: int) -> list[Arm]:
        make = partial(AutoregressiveDecoder, target)
        return [
            partial(our_rounds, "ours token", make, tokens, 0),
            hugging_face_rounds("HF token", target, None, tokens, 0),
        ]


# -- python -m specdec_lib.bench.scaling ---------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a pair, and print the table; exit code 2 on bad input."""
    parser = OneLineParser(
        "[scaling] error: ", prog="python -m specdec_lib.bench.scaling", description=__doc__.split("\n\n")[0]
    )
    plan = Plan()
    parser.add_argument("--pair", default="pocket", help="name of a pair, as `specdec pairs` lists them")
    parser.add_argument("--contexts", type=_numbers, default=plan.contexts, help="such as 128,256,512")
    parser.add_argument("--k-values", type=_numbers, default=plan.k_values, help="such as 1,2,4,8")
    parser.add_argument("--depths", type=_numbers, default=plan.depths, help="layers, such as 5,10,20")
    parser.add_argument("--compile", action="store_true", help="have our compiled step at each depth")
    for name in ("k", "context", "new_tokens", "repeats"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(plan, name))
    parser.add_argument("--threads", type=int, default=None, help="threads on the CPU; small models take 1")
    parser.add_argument("--output", default="runs/scaling.jsonl", help="results file, appended to")
    return exit_code(lambda: _measure_and_show(parser.parse_args(arguments)), "[scaling] error: ")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _measure_and_show(options: argparse.Namespace) -> None:
    from specdec_lib.data.prompts import PromptDataset
    from specdec_lib.models.fast.threads import use_threads, wanted_threads
    from specdec_lib.models.loader import load_pair

    wanted_threads(options.threads)
    names = ("contexts", "k_values", "depths", "k", "context", "new_tokens", "repeats", "compile")
    plan = Plan(**{name: getattr(options, name) for name in names})
    pair = load_pair(options.pair)
    use_threads(options.threads, pair.target)
    prompts = PromptDataset.build(pair.target, n_per_domain=8, source="builtin").get_all()
    text = [i for prompt in prompts for i in pair.target.encode(prompt.raw_text)]
    run = Scaling(plan, options.pair, pair.target, pair.draft, text, options.output)
    if run.trained is not None and max((plan.context, *plan.contexts)) > run.trained:
        run.report(f"beyond {run.trained} tokens the times are real, and the text means nothing")
    run.measure()
    _show(read_records(options.output)[0])


def _show(records: Sequence[Record]) -> None:
    rows = scaling_table(records)
    for row in rows:
        spread = f"{row['median']:9.2f} ms ({row['low']:.2f} to {row['high']:.2f}), {row['ratio']:.2f}×"
        print(f"{row['vary']:<8}{row['value']:>6}  {row['arm']:<22}{spread}")
    for row in growth_table(rows):
        print(f"{row['vary']} {row['small']} → {row['large']}: {row['arm']} {row['growth']:.2f}×")


def _told(block: tuple[int, str, int], seconds: Seconds) -> str:
    repeat, vary, value = block
    medians = (f"{name} {1e3 * sorted(s)[len(s) // 2]:.1f} ms" for name, s in seconds.items() if s)
    return f"repeat {repeat + 1}, {vary} {value}: {', '.join(medians)}"


if __name__ == "__main__":
    sys.exit(main())
