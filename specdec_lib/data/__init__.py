"""Prompts: where they come from, how they are kept, and nothing about the models that read them."""
