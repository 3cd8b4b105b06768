"""What an Ollama server has, printed: the program behind ``python -m specdec_lib.models.ollama_loader``."""

from __future__ import annotations

import sys

from specdec_lib.models.ollama.client import (
    REQUEST_FIELDS,
    OllamaClient,
    OllamaGeneration,
    OllamaModel,
    OllamaPiece,
)
from specdec_lib.utils.entry_point import exit_code

__all__ = [
    "REQUEST_FIELDS",
    "OllamaClient",
    "OllamaGeneration",
    "OllamaModel",
    "OllamaPiece",
    "main",
    "table_of_models",
]


def table_of_models(models: list[OllamaModel]) -> str:
    """The models as aligned text columns: model, params, quant, size (GB)."""
    header = ("model", "params", "quant", "size (GB)")
    rows = [header, *((m.name, m.parameter_size, m.quantization, f"{m.size_gb:.1f}") for m in models)]
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = ["  ".join([name.ljust(first), *map(str.rjust, cells, others)]) for name, *cells in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def main() -> int:
    """Print what the server has; exit code 2 with one line on standard error when there is none."""
    return exit_code(_show, "[ollama] ✗ ")


def _show() -> None:
    client = OllamaClient()
    print(f"[ollama] checking server at {client.url} …", flush=True)
    client.version()
    print("[ollama] ✓ server is running.\n", flush=True)
    models = client.list_models()
    print(table_of_models(models) if models else "no models yet; fetch one with: ollama pull llama3.2:1b")


if __name__ == "__main__":
    sys.exit(main())
