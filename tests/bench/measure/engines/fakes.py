"""Engines that are none, installed where ``make peers`` puts real ones: a server that knows a few texts
behind llama.cpp's protocol, and a package that counts on from the last id behind OpenVINO's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from specdec_lib.lossless.audit.peers.llama_cpp import llama_program

LLAMA = f"""#!{sys.executable}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

known, told = json.loads(Path(__file__).with_suffix(".json").read_text()), sys.argv[1:]
with open(Path(__file__).with_suffix(".started"), "a") as file:
    print(json.dumps(told), file=file)
drafts, asked = "--spec-type" in told, []

def document(path, sent):
    if path == "/health":
        return {{}}
    if path == "/props":
        settings = {{"params": {{}}, "n_ctx": 64}}
        return {{"default_generation_settings": settings, "model_ftype": "all F32", "build_info": "b7"}}
    if path == "/v1/models":
        return {{"data": [{{"id": "known", "owned_by": "llamacpp", "meta": {{"n_vocab": known["vocab"]}}}}]}}
    prompt, number = sent.pop("prompt"), sent.pop("n_predict")
    ids, ended = known["texts"].get(json.dumps(prompt), [[1] * 99, False])
    asked.append(prompt)
    if drafts and known["dies_after"] and len(asked) > known["dies_after"]:
        print("out of luck", flush=True)
        os._exit(3)
    ended, counts = ended and len(ids) <= number, {{"draft_n": 4, "draft_n_accepted": 3}}
    kinds = "none,draft-simple" if drafts else "none"
    return {{
        "content": "", "tokens": ids[:number], "tokens_evaluated": len(prompt), "truncated": False,
        "generation_settings": {{**sent, "ignore_eos": False, "speculative.types": kinds}},
        "stop_type": "eos" if ended else "limit",
        "timings": {{"prompt_ms": 2.0, "predicted_ms": 30.0, **(counts if drafts else {{}})}},
    }}

class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{{}}")
        body = json.dumps(document(self.path, sent)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *told):
        pass

HTTPServer(("127.0.0.1", int(told[told.index("--port") + 1])), Connection).serve_forever()
"""
GENAI = """
import os
from types import SimpleNamespace
SchedulerConfig = GenerationConfig = SimpleNamespace
def draft_model(folder, device, **options):
    return folder
class LLMPipeline:
    def __init__(self, folder, device, **options):
        print("loading", folder, flush=True)
        if folder == "broken":
            raise RuntimeError("no such file")
        self.drafts = "draft_model" in options
    def generate(self, prompt, config):
        if config.max_new_tokens == 99:
            os.write(2, b"an internal check\\n")
            os._exit(7)
        if config.max_new_tokens == 98:
            raise RuntimeError("Check 'x' failed")
        k = getattr(config, "num_assistant_tokens", 0)
        first = prompt[0][-1] + 100 * k
        return SimpleNamespace(tokens=[[first + i for i in range(1, config.max_new_tokens + 1)]])
"""
OPENVINO = "def Tensor(array):\n    return array.tolist()\n"


Texts = Mapping[Sequence[int], tuple[list[int], bool]]
"""What a server says behind each prompt, and whether the text ends there."""


def installed_llama(folder: Path, texts: Texts, vocab: int, dies_after: int = 0) -> Path:
    """Put the server there; the program is returned. ``dies_after``: so many texts, where it drafts."""
    program = llama_program(folder)
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(LLAMA)
    program.chmod(0o755)
    known = {json.dumps(list(prompt)): said for prompt, said in texts.items()}
    told = {"texts": known, "vocab": vocab, "dies_after": dies_after}
    program.with_suffix(".json").write_text(json.dumps(told))
    return program


def starts_of(program: Path) -> list[list[str]]:
    """What the server was started with, each time."""
    kept = program.with_suffix(".started")
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


def installed_genai(folder: Path) -> Path:
    """Put the package there; returns the folder that is on its process's path."""
    packages = folder / "openvino"
    described = packages / "openvino_genai-9.1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: openvino-genai\nVersion: 9.1\n")
    (packages / "openvino_genai.py").write_text(GENAI)
    (packages / "openvino.py").write_text(OPENVINO)
    return packages
