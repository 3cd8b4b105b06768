"""Models that Ollama has: a server of them, and its store on this machine."""
