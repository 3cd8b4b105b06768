"""A server lives as long as its block, whatever ends either."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from urllib.request import ProxyHandler, build_opener

import pytest

from specdec_lib.errors import ServerUnavailable
from specdec_lib.lossless.audit.peers.server_process import end_group, free_port, last_line, served

FAKE = """
import http.server, os, signal, subprocess, sys
port, how = int(sys.argv[1]), sys.argv[2]
print("loading", how, flush=True)
if how == "dies":
    print("no memory for it", flush=True); sys.exit(3)
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how == "parent":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("child", child.pid, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        code = 503 if how == "silent" or (how == "slow" and Handler.asked < 3) else 200
        body = str(os.getpid()).encode()
        self.send_response(code); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *told): pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def fake(how):
    return [sys.executable, "-c", FAKE, "{port}", how]


def asked(url):
    with build_opener(ProxyHandler({})).open(f"{url}/health", timeout=10) as answer:
        return int(answer.read())


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid, looks=500):
    for _ in range(looks):
        if not is_running(pid):
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} is still there")


@pytest.mark.parametrize("how", ["prompt", "slow"])
def test_it_answers_inside_the_block_and_is_gone_behind_it(tmp_path, how):
    with served(fake(how), tmp_path / "logs" / "server.log") as url:
        assert url.startswith("http://127.0.0.1:")
        pid = asked(url)
        assert is_running(pid) and pid != os.getpid()
    wait_until_gone(pid)
    assert (tmp_path / "logs" / "server.log").read_text() == f"loading {how}\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_whatever_ends_the_block_ends_the_server(tmp_path, error):
    pid = None
    with pytest.raises(error), served(fake("prompt"), tmp_path / "log") as url:
        pid = asked(url)
        raise error
    wait_until_gone(pid)


def test_what_it_started_ends_with_it(tmp_path):
    with served(fake("parent"), tmp_path / "log") as url:
        asked(url)
        child = int((tmp_path / "log").read_text().split("child")[1])
        assert is_running(child)
    wait_until_gone(child)


def test_one_that_does_not_hear_is_killed():
    process = subprocess.Popen(
        [sys.executable, "-c", FAKE, str(free_port()), "deaf"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.1)  # it has printed, and hears no more a moment later
    end_group(process, grace=0.3)
    assert process.poll() is not None
    process.stdout.close()
    end_group(process, grace=0.3)  # one that has ended is left alone


def test_one_that_ends_at_once_is_told_with_its_last_line(tmp_path):
    with (
        pytest.raises(ServerUnavailable, match=r"ended with code 3 .*ends with: no memory for it$"),
        served(fake("dies"), tmp_path / "log"),
    ):
        pass


def test_one_that_is_never_ready_is_told_and_ended(tmp_path):
    with (
        pytest.raises(ServerUnavailable, match=r"/health within 0\.5 s; its log"),
        served(fake("silent"), tmp_path / "log", patience=0.5),
    ):
        pass


def test_a_program_that_is_not_there_is_told(tmp_path):
    with (
        pytest.raises(ServerUnavailable, match="no such program; make peers installs it"),
        served(["/no/such/llama-server"], tmp_path / "log"),
    ):
        pass
    assert last_line(tmp_path / "log") == "nothing"


def test_ports_are_free_and_loopback_only(tmp_path):
    with served(fake("prompt"), tmp_path / "a") as one, served(fake("prompt"), tmp_path / "b") as other:
        assert one != other and asked(one) != asked(other)
    port = int(one.rsplit(":", 1)[1])
    with pytest.raises(OSError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/health")
