"""Photographs the step-through for the README, from a recorded generation.

    python book/figures/steps.py data/results/traces.jsonl book/_static/steps.png

A headless Chromium opens the page that ``specdec generate --steps`` would write of the sampled text about
code, walks to the correction of its first round, and takes the picture in the light theme.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

WIDTH, STEPS, SHARPNESS = 760, 6, 1.5


def photograph(page: Path, output: str) -> None:
    """Take the picture of the step-through on ``page``, so many steps from its beginning."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "_ext"))
    import chromium

    with chromium.browser() as browser:
        view = {"viewport": {"width": WIDTH, "height": 900}, "device_scale_factor": SHARPNESS}
        tab = browser.new_page(color_scheme="light", reduced_motion="reduce", **view)
        tab.goto(page.as_uri())
        for _ in range(STEPS):
            tab.keyboard.press("ArrowRight")
        tab.mouse.move(1, 1)
        tab.locator(".specdec-steps").screenshot(path=output)


def main(traces: str, output: str) -> None:
    """Choose the trace, write its page, take the picture."""
    from specdec_lib.lossless.replays.annotated import load_annotated
    from specdec_lib.viz.live.step_through import StepThrough

    chosen = next(one for one in load_annotated(traces) if one.choice["decoding"].startswith("sampled"))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(StepThrough(chosen).to_page(), encoding="utf8")
        photograph(page, output)
    print(f"{output}: {chosen.title}, {Path(output).stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
