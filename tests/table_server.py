"""A server of a table model on this machine: llama.cpp's protocol and OpenAI's completions, right or wrong.

What it samples is exact, or wrong as somebody once shipped it; what it says about it can be left out,
changed, or replaced by bytes that a test chose.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np

from specdec_lib.lossless.laws.table_model import TableModel

Speculates = Literal["", "exact", "wrong"]
Document = dict[str, Any]
Handler = Callable[[BaseHTTPRequestHandler, str, Any], bool]
"""Given the connection, the path and the right answer: True where it has answered in the server's place."""
K = 2
ECHOED = {
    "top_p": 0.95, "min_p": 0.05, "typical_p": 1.0, "top_n_sigma": -1.0, "xtc_probability": 0.0,
    "dynatemp_range": 0.0, "repeat_penalty": 1.1, "repeat_last_n": 64, "presence_penalty": 0.0,
    "frequency_penalty": 0.0, "dry_multiplier": 0.0, "mirostat": 0, "adaptive_target": -1.0, "min_keep": 0,
    "grammar": "", "logit_bias": [], "stop": [], "backend_sampling": False, "ignore_eos": False,
    "temperature": 0.8, "top_k": 40, "samplers": ["penalties", "top_k", "top_p", "min_p", "temperature"],
}  # fmt: skip
"""The settings of llama.cpp's server and what they are where a request says nothing."""


@dataclass
class TableServer:
    """What the server does and says; a test changes it while it runs.

    Attributes:
        model: what it samples; its last id ends a text.
        draft: what it drafts with, where it speculates.
        speculates: "exact" with rejection and its residual, "wrong" with a new draw from p in its place.
        tells_draft: whether counts and settings tell of the draft.
        settings: what its echo says in the place of what was sent, whatever it does.
        echoes: names that its echo holds; None for all.
        fixed_seed: in the place of every request's.
        most_logprobs: it refuses more with status 400.
        owner: of its models, as llama.cpp ("llamacpp"), vLLM ("vllm") or others say it.
        paths: that it has.
        refuses: fields that it answers with status 400.
        context: tokens that it can hold.
        in_place: may answer in the server's place.
    """

    model: TableModel
    draft: TableModel | None = None
    speculates: Speculates = ""
    tells_draft: bool = True
    settings: Document = field(default_factory=dict)
    echoes: frozenset[str] | None = None
    fixed_seed: int | None = None
    most_logprobs: int = 1000
    owner: str = "llamacpp"
    paths: frozenset[str] = frozenset(
        ("/props", "/v1/models", "/completion", "/v1/completions", "/tokenize", "/metrics", "/health")
    )
    refuses: frozenset[str] = frozenset()
    context: int = 64
    in_place: Handler = lambda connection, path, document: False
    asked: list[tuple[str, Document]] = field(default_factory=list)
    num_drafted: int = 0
    num_accepted: int = 0
    url: str = ""

    @property
    def end_id(self) -> int:
        return self.model.vocab_size - 1

    # -- what it samples ---------------------------------------------------------------------------

    def law(self, ids: list[int], temperature: float, top_k: int) -> np.ndarray:
        return warped(_row(self.model, ids), temperature, top_k)

    def generate(self, ids: list[int], number: int, sent: Document) -> tuple[list[int], int, int]:
        """New ids, the end's included, and the counts of the draft."""
        seed = sent.get("seed", 0) if self.fixed_seed is None else self.fixed_seed
        rng, warp = np.random.default_rng(seed), (sent["temperature"], sent.get("top_k", 0))
        new: list[int] = []
        drafted = accepted = 0
        while len(new) < number and self.end_id not in new:
            room = min(K, number - len(new) - 1) if self.speculates else 0
            tokens, kept = self._round(rng, [*ids, *new], room, warp)
            new, drafted, accepted = [*new, *tokens], drafted + room, accepted + kept
        if self.end_id in new:
            new = new[: new.index(self.end_id) + 1]
        return new, drafted, accepted

    def _round(self, rng: np.random.Generator, ids: list[int], k: int, warp: Any) -> tuple[list[int], int]:
        new: list[int] = []
        for _ in range(k):
            q = warped(_row(self.draft, [*ids, *new]), *warp)
            p = self.law([*ids, *new], *warp)
            token = int(rng.choice(len(q), p=q))
            if rng.random() * q[token] < p[token]:
                new.append(token)
                continue
            rest = p if self.speculates == "wrong" else np.maximum(p - q, 0.0)
            return [*new, int(rng.choice(len(p), p=rest / rest.sum()))], len(new)
        p = self.law([*ids, *new], *warp)
        return [*new, int(rng.choice(len(p), p=p))], len(new)

    # -- what it says ------------------------------------------------------------------------------

    def document(self, path: str, sent: Document) -> tuple[int, Any]:
        """Status and answer."""
        if path not in self.paths:
            return 404, {"error": {"code": 404, "message": "File Not Found"}}
        if found := sorted(self.refuses & sent.keys()):
            return 400, {"error": {"code": 400, "message": f"unknown field: {found[0]}"}}
        answers = {
            "/props": self._props, "/v1/models": self._models, "/metrics": self._metrics,
            "/health": lambda: {"status": "ok"},
        }  # fmt: skip
        if path in answers:
            return 200, answers[path]()
        if path == "/tokenize":
            return 200, {"tokens": [self.end_id] if sent["content"] == "<end>" else [0]}
        ids = self._ids(sent["prompt"])
        number = sent.get("n_predict", sent.get("max_tokens", 16))
        if len(ids) >= self.context:
            words = "the request exceeds the available context size"
            return 400, {"error": {"code": 400, "message": words, "type": "exceed_context_size_error"}}
        wanted = sent.get("n_probs", sent.get("logprobs") or 0)
        if wanted > self.most_logprobs:
            words = f"Requested sample logprobs of {wanted}, which is greater than max allowed"
            return 400, {"error": {"message": words}}
        new, drafted, accepted = self.generate(ids, min(number, self.context - len(ids)), sent)
        self.num_drafted, self.num_accepted = self.num_drafted + drafted, self.num_accepted + accepted
        told = self._told(ids, new, wanted, bool(drafted)) if wanted else None
        make = self._completion if path == "/completion" else self._openai
        return 200, make(sent, ids, new, told, (drafted, accepted), number)

    def _ids(self, prompt: Any) -> list[int]:
        parts = prompt if isinstance(prompt, list) else [prompt]
        return [
            token for part in parts for token in ([part] if isinstance(part, int) else self.encoded(part))
        ]

    def encoded(self, text: str) -> list[int]:
        return [token % self.model.vocab_size for token in self.model.encode(text)]

    def _told(self, ids: list[int], new: list[int], wanted: int, speculated: bool) -> list[Document]:
        """Log-probabilities as llama.cpp lists them: of a speculating server the first token's alone."""
        rows = []
        for place, token in enumerate(new):
            law = self.law([*ids, *new[:place]], 1.0, 0)
            if speculated and place:
                rows.append({"id": token, "token": "?", "logprob": 0.0, "top_logprobs": []})
                continue
            likeliest = np.argsort(-law, kind="stable")[:wanted]
            top = [
                {"id": int(one), "token": self.model.decode([one]), "logprob": _log(law[one])}
                for one in likeliest
            ]
            rows.append({"id": token, "token": "?", "logprob": _log(law[token]), "top_logprobs": top})
        return rows

    def _completion(
        self, sent: Document, ids: list[int], new: list[int], told: Any, counts: tuple[int, int], number: int
    ) -> Document:
        ended = bool(new) and new[-1] == self.end_id
        echo = {name: sent.get(name, value) for name, value in ECHOED.items()}
        if self.tells_draft:
            echo["speculative.types"] = "draft-simple" if self.speculates else "none"
        echo |= self.settings
        if self.echoes is not None:
            echo = {name: value for name, value in echo.items() if name in self.echoes}
        return {
            "content": self.model.decode(new[:-1] if ended else new),
            "tokens": new,
            "stop": True,
            "tokens_predicted": len(new),
            "tokens_evaluated": len(ids),
            "generation_settings": echo,
            "truncated": len(new) < number and not ended,
            "stop_type": "eos" if ended else "limit",
            "timings": self._timings(*counts),
            **({"completion_probabilities": told} if told else {}),
        }

    def _openai(
        self, sent: Document, ids: list[int], new: list[int], told: Any, counts: tuple[int, int], number: int
    ) -> Document:
        ended = bool(new) and new[-1] == self.end_id
        choice: Document = {
            "index": 0,
            "text": self.model.decode(new[:-1] if ended else new),
            "finish_reason": "stop" if ended else "length",
            "logprobs": None,
        }
        if self.owner in ("vllm", "sglang") and sent.get("return_token_ids"):
            choice["token_ids"] = new
        if told:
            choice["logprobs"] = {"content": told} if self.owner == "llamacpp" else _by_token(told, sent)
        usage = {
            "prompt_tokens": len(ids),
            "completion_tokens": len(new),
            "total_tokens": len(ids) + len(new),
        }
        document = {"id": "cmpl-1", "object": "text_completion", "choices": [choice], "usage": usage}
        return document | ({"timings": self._timings(*counts)} if self.owner == "llamacpp" else {})

    def _timings(self, drafted: int, accepted: int) -> Document:
        told = {"draft_n": drafted, "draft_n_accepted": accepted} if drafted and self.tells_draft else {}
        return {"cache_n": 0, "prompt_n": 1, "predicted_n": 1, "prompt_ms": 2.0, "predicted_ms": 30.0, **told}

    def _props(self) -> Document:
        settings = {"params": dict(ECHOED), "n_ctx": self.context}
        return {"default_generation_settings": settings, "total_slots": 4, "eos_token": "<end>"}

    def _models(self) -> Document:
        meta = {"n_vocab": self.model.vocab_size, "n_ctx": self.context}
        model = {"id": "table", "object": "model", "owned_by": self.owner}
        model |= {"meta": meta} if self.owner == "llamacpp" else {"max_model_len": self.context}
        return {"object": "list", "data": [model]}

    def _metrics(self) -> str:
        counts = {"draft_tokens": self.num_drafted, "accepted_tokens": self.num_accepted}
        lines = [f"llamacpp:spec_decode_num_{name}_total {number}" for name, number in counts.items()]
        return "\n".join(["# HELP a table", *lines, ""])


def warped(law: np.ndarray, temperature: float, top_k: int) -> np.ndarray:
    """A law at a temperature, cut to its ``top_k``; 0 or less leaves it whole."""
    if temperature == 0.0:
        return np.eye(len(law))[int(law.argmax())]
    law = law ** (1.0 / temperature)
    if 0 < top_k < len(law):
        law = np.where(np.argsort(np.argsort(-law, kind="stable")) < top_k, law, 0.0)
    return law / law.sum()


def _row(model: TableModel | None, ids: list[int]) -> np.ndarray:
    assert model is not None, "a server that speculates needs a draft"
    before, last = [0, *ids][-2:]
    return model.rows[before, last]


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0.0 else -3.4028234663852886e38


def _by_token(told: list[Document], sent: Document) -> Document:
    name = "token_id:{}" if sent.get("return_tokens_as_token_ids") else "t{}"
    top = [{name.format(one["id"]): one["logprob"] for one in row["top_logprobs"]} for row in told]
    tokens = [name.format(row["id"]) for row in told]
    return {"tokens": tokens, "token_logprobs": [row["logprob"] for row in told], "top_logprobs": top}


class _Threads(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who had enough hung up; anything else is a fault of a test."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(table: TableServer, port: int = 0) -> Iterator[TableServer]:
    """The server at ``table.url``, until the block ends; 0 takes any port that is free."""

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, sent: Document) -> None:
            path = self.path.split("?")[0]
            table.asked.append((path, sent))
            status, document = table.document(path, sent)
            with suppress(OSError):  # somebody who had enough
                if not table.in_place(self, path, document):
                    send(self, status, document)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = _Threads(("127.0.0.1", port), Connection)
    running = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    running.start()
    table.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield table
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def send(connection: BaseHTTPRequestHandler, status: int, document: Any, *headers: tuple[str, str]) -> None:
    """An answer as it should be; text stands as it is, anything else as JSON."""
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    body = text.encode() if isinstance(text, str) else text
    connection.send_response(status)
    for name, value in (("Content-Length", str(len(body))), *headers):
        connection.send_header(name, value)
    connection.end_headers()
    connection.wfile.write(body)
