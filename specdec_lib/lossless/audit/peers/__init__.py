"""Engines that are installed here, started, and audited with the embedded pair: ``make peers``."""
