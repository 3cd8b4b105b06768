"""``python -m specdec_lib`` is ``specdec``."""

from __future__ import annotations

import sys

from specdec_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
