// What figures with sliders share: axes, hatching, a slider, two panels that follow their width.

import { filled, make } from "./elements.js";

const SPACE = "http://www.w3.org/2000/svg";

export const draw = (tag, attributes = {}, ...children) => filled(document.createElementNS(SPACE, tag), attributes, children);
export const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** Two significant digits. */
export const shortly = (value) => String(Number(value.toPrecision(2)));

/** A slider's notches from 0 to `steps` on a logarithmic scale: the value at a notch, and the notch next to a value. */
export const logarithmic = (low, high, steps) => ({
  at: (notch) => low * (high / low) ** (notch / steps),
  notch: (value) => Math.round((steps * Math.log(value / low)) / Math.log(high / low)),
});

let mounted = 0;

/** A name for the patterns of one figure, which no other figure of the page has. */
export const ownName = (host) => `lf-${host.id || "figure"}-${(mounted += 1)}`;

// ---------------------------------------------------------------------------------------------- drawing

/** A frame of axes: scales from values to pixels and back; `width` and `height` in pixels. */
export function frame([width, height], [left, right], [bottom, top]) {
  const box = { left: 54, right: width - 10, top: 10, bottom: height - 40 };
  const x = (value) => box.left + ((value - left) / (right - left)) * (box.right - box.left);
  const y = (value) => box.bottom - ((value - bottom) / (top - bottom)) * (box.bottom - box.top);
  const back = {
    x: (pixel) => left + ((pixel - box.left) / (box.right - box.left)) * (right - left),
    y: (pixel) => bottom + ((box.bottom - pixel) / (box.bottom - box.top)) * (top - bottom),
  };
  return { box, x, y, back };
}

/** Ticks, each a value and its label, lines across, and titles. */
export function axes({ box, x, y }, xs, ys, xTitle, yTitle) {
  const shapes = [];
  for (const [value, label] of ys) {
    shapes.push(draw("line", { class: "lf-grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    shapes.push(draw("text", { x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, label));
  }
  for (const [value, label] of xs) {
    shapes.push(draw("line", { class: "lf-axis", x1: x(value), x2: x(value), y1: box.bottom, y2: box.bottom + 4 }));
    shapes.push(draw("text", { x: x(value), y: box.bottom + 17, "text-anchor": "middle" }, label));
  }
  const middle = (box.top + box.bottom) / 2;
  shapes.push(draw("line", { class: "lf-axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  shapes.push(draw("text", { x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle" }, xTitle));
  shapes.push(draw("text", { transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, yTitle));
  return shapes;
}

/** Lines that rise or, where asked for, fall, as a pattern to fill with; `style` colours them. */
export function hatching(id, style, falling = false) {
  const slant = falling ? "M-2 6L2 10M0 0L8 8M6 -2L10 2" : "M-2 2L2 -2M0 8L8 0M6 10L10 6";
  const lines = draw("path", { d: slant, class: `lf-slant ${style}` });
  return draw("defs", {}, draw("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, lines));
}

export const diamond = (x, y) => `${path([[x, y - 7], [x + 7, y], [x, y + 7], [x - 7, y]])}Z`;
export const label = (x, y, words, side = "middle") => draw("text", { class: "lf-label", x, y, "text-anchor": side }, words);

// ---------------------------------------------------------------------------------------------- controls

/** A labelled native slider; `show` writes a value that the slider itself may only come near, and its words. */
export function slider(name, title, { min = 0, max, step = 1 }, change) {
  const input = make("input", { type: "range", min, max, step, "data-name": name });
  const output = make("span", { class: "lf-value", "aria-hidden": "true" });
  input.addEventListener("input", () => change(Number(input.value)));
  const show = (value, words) => {
    input.value = String(value);
    input.setAttribute("aria-valuetext", words);
    output.textContent = words;
  };
  return { row: make("label", { class: "lf-slider" }, make("span", { class: "lf-name" }, title), output, input), show };
}

/** A select among names; `choose` hears the chosen index. */
export function chooser(names, choose) {
  const select = make("select", {}, ...names.map((name, index) => make("option", { value: index }, name)));
  select.addEventListener("change", () => choose(Number(select.value)));
  return select;
}

/** An empty picture under a heading, with a note below it. */
export function panel(title, note) {
  const image = draw("svg", { role: "img" });
  return { image, section: make("section", {}, make("p", { class: "lf-heading" }, title), image, make("p", { class: "lf-note" }, note)) };
}

/** Draw a panel anew, as wide as its place, with what `content([width, height])` returns. */
export function fill({ image }, height, told, content) {
  const width = Math.max(240, Math.round(image.parentElement.clientWidth || 560));
  const shapes = content([width, height]);
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": told })) image.setAttribute(key, value);
  image.replaceChildren(...shapes);
}

/** Sliders, other controls, words that are read out and panels, in `host`; `paint` is called when their width changes. */
export function assemble(host, { style, title, sliders, actions, words, panels }, paint) {
  const controls = make("div", { class: "lf-controls" }, ...sliders.map((one) => one.row));
  words.setAttribute("aria-live", "polite");
  const pictures = make("div", { class: "lf-panels" }, ...panels.map((one) => one.section));
  const parts = [controls, make("div", { class: "lf-actions" }, ...actions), words, pictures];
  const root = make("div", { class: `specdec-live ${style}`, role: "group", "aria-label": title }, ...parts);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // a notebook does not move with it
  host.replaceChildren(root);
  let width = pictures.clientWidth;
  const watch = new ResizeObserver(() => {
    if (pictures.clientWidth === width || pictures.clientWidth === 0) return;
    width = pictures.clientWidth;
    paint();
  });
  watch.observe(pictures);
  return { root, stop: () => watch.disconnect() };
}
