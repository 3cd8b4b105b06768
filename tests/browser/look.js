// What the browser test asks of a page, from inside it. `window.axe` is axe-core.
window.look = {
  /** Until formulas are set and figures drawn; what never comes is found by `pieces`. */
  async ready() {
    await (window.MathJax?.startup?.promise ?? Promise.resolve());
    await document.fonts.ready;
    const drawn = () => [...document.querySelectorAll(".plotly-graph-div")].every((one) => one.querySelector(".main-svg"));
    for (let waited = 0; waited < 15000 && !drawn(); waited += 50) await new Promise((go) => setTimeout(go, 50));
    await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
  },

  /** What is not as it should be, by kind. */
  pieces() {
    const figures = [...document.querySelectorAll(".plotly-graph-div")];
    const flat = (one) => {
      const box = one.querySelector(".main-svg")?.getBoundingClientRect();
      return !box || box.width * box.height === 0;
    };
    const name = (one) => document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim();
    const unset = (one) => !one.querySelector("mjx-container") || one.querySelector("mjx-merror");
    const unmounted = (one) => !one.querySelector("[role=group]");
    return {
      undrawn: figures.filter(flat).map((one) => one.id),
      nameless: figures.filter((one) => !name(one)).map((one) => one.id),
      unset: [...document.querySelectorAll("span.math, div.math")].filter(unset).map((one) => one.textContent),
      missing: [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src),
      unmounted: [...document.querySelectorAll(".specdec-figure")].filter(unmounted).map((one) => one.id),
    };
  },

  /** The colour of the page's text, and of each figure's. */
  colours() {
    const text = getComputedStyle(document.documentElement).getPropertyValue("--pst-color-text-base").trim();
    return [text, ...[...document.querySelectorAll(".js-plotly-plot")].map((one) => one.layout.font.color)];
  },

  /** Pixels by which the page scrolls sideways. */
  overflow: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,

  /** Printed sentences that do not fit their box, and printed columns that do not begin with the first, on a phone. */
  cut() {
    const text = (one) => one.textContent.slice(0, 60);
    const wide = (one) => one.scrollWidth > one.clientWidth + 1;
    const apart = (one) => getComputedStyle(one).whiteSpace !== "pre" || one.scrollLeft > 0;
    return [
      ...[...document.querySelectorAll(".output:not(.columns) pre")].filter(wide).map(text),
      ...[...document.querySelectorAll(".output.columns pre")].filter(apart).map(text),
    ];
  },

  /**
   * Take out what axe need not walk through: a formula's drawing (what is read aloud stands beside it), the inside of
   * a figure (its caption and the tables beside it put it into words), the thousand spans of a code block.
   */
  thinOut() {
    document.querySelectorAll("mjx-math, .main-svg > *").forEach((one) => one.remove());
    document.querySelectorAll("div.highlight pre").forEach((one) => one.replaceChildren(one.textContent));
  },

  /** Mark one text of each combination of what contrast depends on. */
  chooseTexts() {
    const paper = (one) => {
      for (let at = one; at; at = at.parentElement) {
        const { backgroundColor, backgroundImage } = getComputedStyle(at);
        if (backgroundColor !== "rgba(0, 0, 0, 0)" || backgroundImage !== "none") return [backgroundColor, backgroundImage];
      }
      return [];
    };
    const written = (one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const seen = new Set();
    for (const one of document.querySelectorAll("body *")) {
      one.removeAttribute("data-contrast");
      if (!written(one) || !one.checkVisibility({ visibilityProperty: true })) continue;
      const { color, opacity, fontSize, fontWeight } = getComputedStyle(one);
      const key = [color, opacity, fontSize, fontWeight, ...paper(one)].join("|");
      if (!seen.has(key)) one.dataset.contrast = seen.add(key).size;
    }
  },

  /** What axe finds serious or critical in the elements `where`. */
  async axe(where, options) {
    const { violations } = await axe.run(where, { resultTypes: ["violations"], preload: false, ...options });
    return violations
      .filter((one) => ["serious", "critical"].includes(one.impact))
      .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html} (${node.failureSummary})`));
  },

  /** Put one token of each kind into the page's first code block. */
  colourCode(kinds) {
    const token = (kind) => Object.assign(document.createElement("span"), { className: kind, textContent: `${kind} ` });
    document.querySelector("div.highlight pre").replaceChildren(...kinds.map(token));
  },
};
