"""Against a hub started here, which answers as the real one does, or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from models.architectures import save_model

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models import source
from specdec_lib.models.source import find_source, loading


class Hub(BaseHTTPRequestHandler):
    """``org/gated`` exists behind a licence, ``org/broken`` makes the server fail, nothing else exists."""

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/org/gated"):
            self._answer(200, b'{"id": "org/gated", "gated": "manual", "siblings": []}')
        elif "org/gated" in self.path:
            self._answer(401, b'{"error": "gated"}', {"X-Error-Code": "GatedRepo"})
        elif "org/broken" in self.path:
            self._answer(500, b"{}")
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


def load_in_a_fresh_process(model_ids: list[str], endpoint: str, home) -> dict[str, str]:
    """The error of loading each id, from a process that has that hub and an empty cache."""
    script = (
        "import json, sys\n"
        "from specdec_lib.errors import ModelUnavailable\n"
        "from specdec_lib.models.loader import load_model\n"
        "said = {}\n"
        "for model_id in sys.argv[1:]:\n"
        "    try:\n"
        "        load_model(model_id)\n"
        "    except ModelUnavailable as error:\n"
        "        said[model_id] = str(error)\n"
        "print(json.dumps(said))\n"
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
    said = load_in_a_fresh_process(["org/gated", "org/nothing", "org/broken"], hub, tmp_path)
    assert "org/gated: it is gated; accept its licence" in said["org/gated"]
    assert said["org/nothing"].startswith("'org/nothing' is neither a local folder nor a public model")
    assert "org/broken: no folder has that name, the hub cannot be reached" in said["org/broken"]
    assert not any("\n" in line for line in said.values())


def test_without_a_network_there_is_one_line_at_once(tmp_path):
    started = time.monotonic()
    said = load_in_a_fresh_process(["gpt2"], "http://127.0.0.1:9", tmp_path)
    assert said["gpt2"].endswith("the hub cannot be reached, and its local cache lacks the files")
    assert time.monotonic() - started < 30  # the library's own retries take a minute


def test_a_folder_is_never_asked_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "_hub_answers", lambda _: pytest.fail("asked the hub"))
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "gpt2")
    assert find_source("gpt2").offline
    assert find_source("pocket-target").offline


def test_an_embedded_model_is_found_from_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_source("pocket-draft")
    assert found.model_id == "pocket-draft" and found.location.endswith("pocket-draft")


def test_a_file_is_no_model_folder(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(ModelUnavailable, match="does not exist; pass a folder"):
        find_source(str(file))


def test_what_goes_wrong_without_a_message_is_named_by_its_kind(tmp_path):
    found = find_source(str(save_model(tmp_path / "tiny")))
    with (
        pytest.raises(ModelUnavailable, match=r"cannot load the weights of .*tiny: KeyError"),
        loading(found, "weights"),
    ):
        raise KeyError
