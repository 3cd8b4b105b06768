"""Servers as engines: llama.cpp's own protocol, and the completions that OpenAI's clients speak."""
