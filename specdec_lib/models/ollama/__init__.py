"""The connection to an Ollama server."""
