"""Against a hub started here, which answers as the real one does, or not at all."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from models.architectures import save_model

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models import hub as hub_answers
from specdec_lib.models.source import Source, find_source, loading, quiet


class Hub(BaseHTTPRequestHandler):
    """``org/gated`` needs a licence, ``org/says-429`` is answered with that status; the rest is not there."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/models/org/gated"):
            self._answer(200, b'{"id": "org/gated", "gated": "manual", "siblings": []}')
        elif "org/gated" in self.path:
            self._answer(401, b'{"error": "gated"}', {"X-Error-Code": "GatedRepo"})
        elif "org/quantised-GGUF" in self.path:
            self._answer(
                200, b'{"id": "org/quantised-GGUF", "siblings": [{"rfilename": "model-Q4_K_M.gguf"}]}'
            )
        elif "org/adapter" in self.path:
            self._answer(200, b'{"id": "org/adapter", "siblings": [{"rfilename": "adapter_config.json"}]}')
        elif (says := re.search(r"org/says-(\d+)", self.path)) is not None:
            bad_token = {"X-Error-Message": "Invalid credentials in Authorization header"}
            self._answer(int(says[1]), b"{}", bad_token if says[1] == "401" else {})
        else:
            self._answer(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def load_in_a_fresh_process(model_ids: list[str], endpoint: str, home) -> dict[str, str | int]:
    """The error of loading each id, from a process that has that hub and an empty cache; and its ``naps``."""
    script = (
        "import json, sys, time\n"
        "naps = []\n"
        "time.sleep = naps.append\n"
        "from specdec_lib.errors import ModelUnavailable\n"
        "from specdec_lib.models.loader import load_model\n"
        "said = {}\n"
        "for model_id in sys.argv[1:]:\n"
        "    try:\n"
        "        load_model(model_id)\n"
        "    except ModelUnavailable as error:\n"
        "        said[model_id] = str(error)\n"
        "print(json.dumps(said | {'naps': len(naps)}))\n"
    )
    proxies = ("http_proxy", "https_proxy", "all_proxy", "hf_hub_offline", "hf_token")
    clean = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    environment = {**clean, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, *model_ids],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_hubs_answers_become_one_line_each(hub, tmp_path):
    busy = [f"org/says-{status}" for status in MEANING]
    asked = ["org/gated", "org/nothing", "org/quantised-GGUF", "org/adapter", *busy]
    said = load_in_a_fresh_process(asked, hub, tmp_path)
    assert "org/gated: it is gated; accept its licence" in said["org/gated"]
    assert said["org/nothing"].startswith("'org/nothing' is neither a local folder nor a public model")
    assert "'org/quantised-GGUF' names a repository of GGUF files" in said["org/quantised-GGUF"]
    assert "hub repository 'org/adapter' holds an adapter alone" in said["org/adapter"]
    for status, meaning in MEANING.items():
        line = said[f"org/says-{status}"]
        assert "not in the local cache" in line and meaning in line and "cannot be reached" not in line
        assert sum(f"org/says-{status}" in path for path in Hub.asked) == 1  # asked once, and not again
    assert not any("\n" in str(line) for line in said.values())


MEANING = {
    401: "the hub refuses the access token (401); log in again",
    403: "the hub forbids it (403)",
    429: "the hub is busy with too many requests (429)",
    500: "out of order or busy (500)",
    504: "out of order or busy (504)",
}


def test_without_a_network_there_is_one_line_at_once(tmp_path):
    said = load_in_a_fresh_process(["gpt2"], "http://127.0.0.1:9", tmp_path)
    assert said["gpt2"].endswith("its files are not in the local cache, and the hub cannot be reached")
    assert said["naps"] == 0, "the hub library's own retries would sleep for a minute"


def test_a_folder_is_never_asked_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_answers, "ask_hub", lambda _: pytest.fail("asked the hub"))
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "gpt2")
    assert find_source("gpt2").offline
    assert find_source("pocket-target").offline


@pytest.mark.parametrize(("status", "meaning"), MEANING.items())
def test_a_hub_that_turns_sour_while_files_are_fetched_is_named_too(status, meaning):
    class Answer(Exception):
        response = SimpleNamespace(status_code=status)

    with pytest.raises(ModelUnavailable, match=re.escape(meaning)), loading(REACHED, "weights"):
        try:
            raise Answer
        except Answer as error:
            raise OSError("We couldn't connect to the hub") from error


REACHED = Source("org/model", "org/model", on_hub=True, hub_answers=True)


def test_an_embedded_model_is_found_from_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_source("pocket-draft")
    assert found.model_id == "pocket-draft" and found.location.endswith("pocket-draft")


def test_a_file_is_no_model_folder(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(ModelUnavailable, match=r"is a file of weights alone; pass the folder"):
        find_source(str(file))
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"notes\.txt' is a file and no model folder"):
        find_source(str(tmp_path / "notes.txt"))


def test_a_folder_of_gguf_files_names_one(tmp_path):
    (tmp_path / "MODEL.Q4_K_M.GGUF").write_bytes(b"GGUF")
    with pytest.raises(
        ModelUnavailable, match=r"holds GGUF files .* pass one, MODEL\.Q4_K_M\.GGUF, by its path"
    ):
        find_source(str(tmp_path))


@pytest.mark.parametrize("name", ["{folder}/none.gguf", "org/repo/model.gguf"])
def test_a_missing_gguf_file_is_not_said_to_be_there(tmp_path, name):
    with pytest.raises(ModelUnavailable, match=r"GGUF file '.*\.gguf' does not exist"):
        find_source(name.format(folder=tmp_path))


def test_an_adapter_alone_is_named_with_what_to_do(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"an adapter alone .*merge it"):
        find_source(str(tmp_path))


def test_a_home_that_nobody_has_is_one_line():
    with pytest.raises(ModelUnavailable, match=r"model folder '~no-such-user/m' does not exist"):
        find_source("~no-such-user/m")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 10"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate …"),
    ],
    ids=["Python", "torch on a CPU", "the system", "a GPU"],
)
def test_memory_that_runs_out_is_named_whoever_says_it(tmp_path, error):
    found = find_source(str(save_model(tmp_path / "tiny")))
    with pytest.raises(ModelUnavailable, match="not enough memory"), loading(found, "weights"):
        raise error


def test_what_goes_wrong_without_a_message_is_named_by_its_kind(tmp_path):
    found = find_source(str(save_model(tmp_path / "tiny")))
    with (
        pytest.raises(ModelUnavailable, match=r"cannot load the weights of .*tiny: KeyError"),
        loading(found, "weights"),
    ):
        raise KeyError


def test_what_a_quantiser_only_remarks_is_held_back_and_its_errors_are_not(caplog) -> None:
    """Of a kernel that cannot be fetched there is another; it is said while the package is imported."""
    quantiser = logging.getLogger("bitsandbytes.backends.cpu.ops")
    with quiet():
        quantiser.warning("Failed to load CPU gemm_4bit_forward")
        quantiser.error("the library cannot be loaded")
    quantiser.warning("said outside")
    assert caplog.messages == ["the library cannot be loaded", "said outside"]
