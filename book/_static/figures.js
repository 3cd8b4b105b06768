// Figures take the page's text colour, in the light mode and in the dark one, and follow when the reader switches.
// They fit the place that they have, also one that was folded away at first. On a touch screen they let the page
// scroll.
"use strict";

(() => {
  const figures = () => document.querySelectorAll(".js-plotly-plot");

  const recolour = () => {
    const page = getComputedStyle(document.documentElement);
    const text = page.getPropertyValue("--pst-color-text-base").trim();
    const surface = page.getPropertyValue("--pst-color-surface").trim();
    if (!text || !window.Plotly) return;
    for (const figure of figures()) {
      window.Plotly.relayout(figure, {
        "font.color": text,
        "hoverlabel.bgcolor": surface,
        "hoverlabel.font.color": text,
      });
    }
  };

  // A finger that crosses a figure scrolls the page; dragging a zoom box would hold it there.
  const letScroll = () => {
    if (!matchMedia("(hover: none)").matches || !window.Plotly) return;
    for (const figure of figures()) window.Plotly.relayout(figure, { dragmode: false });
  };

  const fit = (entries) => {
    for (const { target } of entries) {
      const drawn = target._fullLayout?.width;
      if (drawn && target.clientWidth && Math.abs(drawn - target.clientWidth) > 1) window.Plotly.Plots.resize(target);
    }
  };

  window.addEventListener("load", () => {
    if (!figures().length) return;
    recolour();
    letScroll();
    const places = new ResizeObserver(fit);
    for (const figure of figures()) places.observe(figure);
    new MutationObserver(recolour).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
  });
})();
