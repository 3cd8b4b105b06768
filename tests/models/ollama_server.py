"""A server that speaks Ollama's protocol, for the tests of whoever asks one."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

TAGS = {
    "models": [
        {
            "name": "llama3.2:1b",
            "model": "llama3.2:1b",
            "modified_at": "2025-01-05T10:00:00.0+01:00",
            "size": 1321098329,
            "digest": "baf6a787fdff",
            "details": {"family": "llama", "parameter_size": "1.2B", "quantization_level": "Q8_0"},
        },
        {"name": "bare:latest", "size": 0, "details": None},
    ]
}
FINAL = {
    "model": "llama3.2:1b",
    "response": "",
    "done": True,
    "done_reason": "length",
    "total_duration": 2_000_000_000,
    "prompt_eval_count": 4,
    "eval_count": 30,
    "eval_duration": 1_500_000_000,
}


class Server(BaseHTTPRequestHandler):
    """Ollama's answers; ``raw`` replaces the body of a path, ``delay`` holds every answer back."""

    raw: ClassVar[dict[str, bytes]] = {}
    delay: ClassVar[float] = 0.0
    requests: ClassVar[list[dict]] = []

    def do_GET(self) -> None:
        answers = {"/": "Ollama is running", "/api/version": {"version": "0.5.1"}, "/api/tags": TAGS}
        if self.path in answers:
            self._answer(200, answers[self.path])
        else:
            self._answer(404, "404 page not found")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append(request)
        if request["model"] != "llama3.2:1b":
            self._answer(404, {"error": f"model '{request['model']}' not found"})
        elif request["stream"]:
            pieces = [{"response": text, "done": False} for text in ("Hello", ", ", "wörld")]
            self._answer(200, "\n".join(json.dumps(piece) for piece in [*pieces, FINAL]))
        else:
            self._answer(200, {**FINAL, "response": "Hello, wörld"})

    def _answer(self, status: int, content: dict | str) -> None:
        time.sleep(self.delay)
        text = content if isinstance(content, str) else json.dumps(content)
        body = self.raw.get(self.path, text.encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Keep the test's output clean."""
