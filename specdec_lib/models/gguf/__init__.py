"""A model in one GGUF file, opened as the folder that Transformers would load."""
