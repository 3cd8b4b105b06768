"""The house style holds on light and dark pages, and never rests on colour alone."""

from __future__ import annotations

import pytest

from specdec_lib.viz import theme


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", theme.PALETTE)
@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_every_colour_shows_on_light_and_on_dark_pages(color: str, page: str) -> None:
    assert contrast(color, page) >= 3.0


def test_contrast_is_the_one_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


def test_a_figure_takes_its_pages_width_and_paper() -> None:
    layout = theme.new_figure(300).layout
    assert layout.width is None and layout.autosize and layout.height == 300
    assert layout.paper_bgcolor == layout.plot_bgcolor == theme.TRANSPARENT


def test_panels_are_as_many_as_their_titles() -> None:
    figure = theme.panels(["one", "two", "three"], 100, legend_height=30)
    assert [a.text for a in figure.layout.annotations] == ["one", "two", "three"]
    assert figure.layout.height > 3 * 100 + 30
    assert theme.panels(["one"], 100).layout.yaxis.domain == (0.0, 1.0)


def test_domains_differ_by_symbol_and_by_colour() -> None:
    colors, symbols = zip(*theme.DOMAIN_STYLE.values(), strict=True)
    assert len(set(colors)) == len(set(symbols)) == len(theme.DOMAIN_STYLE)


def test_greedy_is_named() -> None:
    assert theme.temperature_title(0.0) == "temperature 0 (greedy)"
    assert theme.temperature_title(0.8) == "temperature 0.8"
