"""What ``python -m specdec_lib.models.ollama_loader`` prints, and with which exit code it ends."""

from __future__ import annotations

from specdec_lib.models import ollama_loader
from specdec_lib.models.ollama import client
from specdec_lib.models.ollama.client import OllamaClient
from specdec_lib.models.ollama_loader import main, table_of_models
from tests.models.ollama_server import Server


def test_the_client_is_importable_from_here_as_it_always_was():
    for name in ("OllamaClient", "OllamaGeneration", "OllamaModel", "OllamaPiece", "REQUEST_FIELDS"):
        assert getattr(ollama_loader, name) is getattr(client, name)


def test_the_entry_point_prints_what_it_always_printed(server, capsys):
    assert main() == 0
    out, err = capsys.readouterr()
    assert out == (
        f"[ollama] checking server at http://{server} …\n"
        "[ollama] ✓ server is running.\n"
        "\n"
        "model        params  quant  size (GB)\n"
        "-------------------------------------\n"
        "llama3.2:1b    1.2B   Q8_0        1.3\n"
        "bare:latest       ?      ?        0.0\n"
    )
    assert err == ""


def test_the_entry_point_says_how_to_get_a_first_model(server, capsys):
    Server.raw["/api/tags"] = b'{"models": []}'
    assert main() == 0
    assert "ollama pull" in capsys.readouterr().out


def test_the_entry_point_without_a_server_is_one_line_and_exit_code_2(nobody, capsys):
    assert main() == 2
    err = capsys.readouterr().err
    assert err.startswith("[ollama] ✗ ") and f"http://{nobody}" in err and err.count("\n") == 1


def test_the_entry_point_refuses_a_host_that_is_no_address(monkeypatch, capsys):
    monkeypatch.setenv("OLLAMA_HOST", "ftp://example.com")
    assert main() == 2
    assert "ftp://example.com" in capsys.readouterr().err


def test_a_table_is_as_wide_as_its_longest_name(server):
    models = OllamaClient(server).list_models()
    assert len({len(line) for line in table_of_models(models).splitlines()}) == 1
