"""Which engines are asked for: names as they are written on the command line, and where each is installed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

from specdec_lib.bench.measure.engines import sentences
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.peers.installed import LLAMA_CPP, OPENVINO_GENAI
from specdec_lib.lossless.audit.peers.llama_cpp import llama_program

HALF_CACHE = "llama.cpp-f16"
"""llama.cpp with the cache that it has unless told otherwise, in float16, whatever the pair is in."""
ENGINE_NAMES = {"llama.cpp": LLAMA_CPP, HALF_CACHE: LLAMA_CPP, "openvino": OPENVINO_GENAI}
"""What is installed by ``make peers``: its name on the command line and in tables, and whose it is."""
_NAMED_URL = re.compile(r"(?:(?P<name>[^=:/\s]*)=)?(?P<url>https?://.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class WantedEngine:
    """An engine of a comparison: of ``ENGINE_NAMES``, or a server at ``url`` that runs already.

    Attributes:
        name: its arms begin with it.
    """

    name: str
    url: str | None = None


def read_engines(listed: Iterable[str]) -> list[WantedEngine]:
    """``["llama.cpp,openvino", "mine=http://127.0.0.1:8080"]`` as engines, in order.

    Raises:
        InvalidArgument: a name that nobody has, with the nearest; no address; one name for two.
    """
    engines: list[WantedEngine] = []
    for part in (part.strip() for one in listed for part in one.split(",") if part.strip()):
        engine = _read(part)
        if engine.name in (other.name for other in engines):
            raise InvalidArgument(sentences.NAMED_TWICE.format(engine.name))
        engines.append(engine)
    return engines


def _read(part: str) -> WantedEngine:
    if found := _NAMED_URL.fullmatch(part):
        url = found["url"].rstrip("/")
        bare = url.partition("//")[2].rpartition("@")[2].partition("?")[0]  # no password goes into a table
        return WantedEngine(found["name"] or bare, url)
    if part.endswith("="):
        raise InvalidArgument(sentences.NO_ADDRESS.format(part[:-1]))
    known = {name.lower(): name for name in (*ENGINE_NAMES, *ENGINE_NAMES.values())}
    whose = {one.lower(): name for name, one in ENGINE_NAMES.items()}
    if (name := known.get(part.lower())) is not None:
        return WantedEngine(name if name in ENGINE_NAMES else whose[name.lower()])
    near = difflib.get_close_matches(part.lower(), list(ENGINE_NAMES), n=1, cutoff=0.5)
    raise InvalidArgument(sentences.UNKNOWN.format(part, near[0] if near else " or ".join(ENGINE_NAMES)))


def require_engines(engines: Iterable[WantedEngine], folder: Path) -> None:
    """Refuse what is asked for and not installed, before anything is loaded.

    Raises:
        InvalidArgument: in one line that says how it is installed.
    """
    for engine in engines:
        whose = ENGINE_NAMES.get(engine.name) if engine.url is None else None
        if whose == LLAMA_CPP and not llama_program(folder).is_file():
            missing = llama_program(folder)
            raise InvalidArgument(sentences.NOT_INSTALLED.format(whose, folder, missing))
        if whose == OPENVINO_GENAI and not engine_package("openvino-genai", folder / "openvino"):
            raise InvalidArgument(sentences.NOT_INSTALLED.format(whose, folder, "openvino-genai"))


def engine_package(name: str, folder: Path) -> tuple[str, Path] | None:
    """The version of a package and a file of it: in ``folder``, or else beside the library; None of none."""
    found = next(iter(distributions(name=name, path=[str(folder)])), None)
    if found is None:
        try:
            found = distribution(name)
        except PackageNotFoundError:
            return None
    return found.version, Path(
        str(found.locate_file("")), f"{name.replace('-', '_')}-{found.version}.dist-info"
    )
