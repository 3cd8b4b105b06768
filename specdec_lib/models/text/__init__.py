"""Text and ids: tokenizers as their files describe them, and which ids end a text."""
