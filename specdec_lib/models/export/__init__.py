"""A model written for other people's engines: as a GGUF file, or as a folder of OpenVINO's."""
