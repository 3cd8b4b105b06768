// The playground: the speedup law with sliders. The same module draws the published figure and the notebook's
// widget. It asks nobody for anything.

import { make } from "./elements.js";
import { assemble, clamp, fill, ownName, panel, slider } from "./live.js";
import { expectedTokens, optimalK, roundCost, speedup, TIE } from "./speedup_law.js";
import { borders, curve, number, plane, stated, times } from "./speedup_pictures.js";

const HEIGHT = 290;
const NAMES = ["alpha", "k", "c", "slope", "overhead"];

// ---------------------------------------------------------------------------------------------- the words

const apart = (share) => `${Math.abs(100 * share).toFixed(0)} % ${share < 0 ? "below" : "above"}`;

function sentences(values, point) {
  const { alpha, k, c, slope, overhead } = values;
  const [gain, cost, best] = [speedup(alpha, k, c, slope, overhead), roundCost(k, c, slope, overhead), optimalK(alpha, c, slope, overhead)];
  const given = `alpha ${number(alpha)}, K ${k}, c ${number(c)}, v(${k}) ${number(1 + slope * k)}, o ${number(overhead)}`;
  const verdict = gain < 1 - TIE ? ", slower than plain decoding" : "";
  const advice = best ? `best K is ${best} with ${speedup(alpha, best, c, slope, overhead).toFixed(2)}` : "no K gains";
  const told = `${given}: ${expectedTokens(alpha, k).toFixed(2)} tokens a round, cost ${cost.toFixed(2)}, speedup ${gain.toFixed(2)}${verdict}; ${advice}.`;
  if (!point) return [told, ""];
  const interval = point.low === null ? "" : ` (${point.low.toFixed(2)} to ${point.high.toFixed(2)})`;
  const against = `${point.name}: ${point.kind} ${stated(point)}${interval}, predicted ${times(gain)}, so it is ${apart(point.speedup / gain - 1)} the prediction. ${point.note}`;
  return [told, against.trim()];
}

// ---------------------------------------------------------------------------------------------- the controls

/** A select of all points, by their source; its first entry is the reader's own values. */
function pointChooser(points, choose) {
  const own = make("option", { value: "" }, "your own values");
  const groups = [...new Set(points.map((point) => point.source))].map((source) => {
    const options = points.map((point, index) => (point.source === source ? make("option", { value: index }, point.name) : null));
    return make("optgroup", { label: source }, ...options);
  });
  const select = make("select", {}, own, ...groups);
  select.addEventListener("change", () => choose(select.value === "" ? null : Number(select.value)));
  return { row: make("label", {}, "Load ", select), select };
}

// ---------------------------------------------------------------------------------------------- the whole

/**
 * Draw the playground into `host`. Returns { set(values), choose(index), values(), stop() }; `onChange(values)`
 * hears of every change of alpha, k, c, slope and overhead.
 * @param payload { title, start, k_max, points }, as specdec_lib.viz.live.playground.law_payload makes it
 */
export function mount(host, payload, onChange = () => {}) {
  const { points } = payload;
  const last = Math.max(payload.k_max, payload.start.k, ...points.map((point) => point.k));
  const cMax = Math.max(0.6, Math.ceil(10 * Math.max(0, ...points.map((point) => point.c)) - 1e-9) / 10);
  const values = { ...payload.start };
  const name = ownName(host);
  let selected = null;
  let known = { key: null };

  const set = (changes) => {
    selected = null;
    Object.assign(values, changes);
    show();
  };
  const choose = (index) => {
    selected = index;
    if (index !== null) NAMES.forEach((one) => (values[one] = points[index][one]));
    show();
  };

  const fraction = (max) => ({ max, step: 0.01 });
  const control = (one, title, range) => slider(one, title, range, (value) => set({ [one]: value }));
  const sliders = {
    alpha: control("alpha", "α, acceptance", fraction(1)),
    k: control("k", "K, draft tokens a round", { min: 1, max: last }),
    c: control("c", "c, a draft forward", fraction(cMax)),
    slope: control("slope", "s, verify slope", fraction(1)),
    overhead: control("overhead", "o, all else in a round", fraction(1)),
  };
  const best = make("button", { type: "button", "data-act": "best" }, "Take the best K");
  best.addEventListener("click", () => set({ k: Math.min(last, optimalK(values.alpha, values.c, values.slope, values.overhead)) }));
  const { row, select } = pointChooser(points, choose);
  const said = make("p", { class: "pg-said" });
  const against = make("p", { class: "pg-against" });
  const words = make("div", { class: "pg-words lf-words" }, said, against);
  const left = panel("Speedup over K", "★ the best K, ◯ the chosen one. A click chooses a K.");
  const kinds = [...new Set(points.map((point) => point.kind))].map((kind) => (kind === "published" ? "▲ published, " : "■ measured here, ")).join("");
  const right = panel("Where speculation gains", `${kinds}⊕ your values; lines: what the best K gives at these s and o. A click chooses c and α, or a point.`);

  const scales = {};
  const paint = () => {
    const point = selected === null ? null : points[selected];
    const key = `${values.slope} ${values.overhead}`;
    if (known.key !== key) known = { key, ...borders(values.slope, values.overhead, cMax) };
    const [told] = sentences(values, point);
    const keep = (which, { shapes, scale }) => {
      scales[which] = scale; // a click is read by it
      return shapes;
    };
    fill(left, HEIGHT, `Speedup over K from 1 to ${last}. ${told}`, (size) => keep("curve", curve(`${name}-k`, size, values, point, last)));
    const where = `The plane of c and alpha, with ${points.length} points, at c ${number(values.c)} and alpha ${number(values.alpha)}. ${told}`;
    fill(right, HEIGHT, where, (size) => keep("plane", plane(`${name}-c`, size, values, points, selected, cMax, known)));
  };
  const show = () => {
    const { alpha, k, c, slope, overhead } = values;
    sliders.alpha.show(alpha, number(alpha));
    sliders.k.show(k, String(k));
    sliders.c.show(c, number(c));
    sliders.slope.show(slope, `${number(slope)}, v(${k}) ${(1 + slope * k).toFixed(2)}`);
    sliders.overhead.show(overhead, number(overhead));
    select.value = selected === null ? "" : String(selected);
    best.disabled = optimalK(alpha, c, slope, overhead) === 0;
    [said.textContent, against.textContent] = sentences(values, selected === null ? null : points[selected]);
    root.dataset.speedup = speedup(alpha, k, c, slope, overhead).toFixed(4);
    paint();
    onChange({ ...values });
  };

  const pixel = (image, event) => {
    const box = image.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * image.width.baseVal.value, ((event.clientY - box.top) / box.height) * image.height.baseVal.value];
  };
  left.image.addEventListener("click", (event) => {
    set({ k: clamp(Math.round(scales.curve.back.x(pixel(left.image, event)[0])), 1, last) });
  });
  right.image.addEventListener("click", (event) => {
    const point = event.target.closest("[data-point]");
    if (point) return choose(Number(point.dataset.point));
    const [x, y] = pixel(right.image, event);
    const near = (value, max) => Math.round(100 * clamp(value, 0, max)) / 100;
    return set({ c: near(scales.plane.back.x(x), cMax), alpha: near(scales.plane.back.y(y), 1) });
  });
  const actions = points.length ? [row, best] : [best];
  const parts = { style: "specdec-playground", title: payload.title, sliders: Object.values(sliders), actions, words, panels: [left, right] };
  const { root, stop } = assemble(host, parts, paint);
  show();
  return { set, choose, values: () => ({ ...values }), stop };
}

/** The notebook's widget: `payload` comes from Python, alpha, k, c, slope and overhead go both ways. */
function render({ model, el }) {
  let view = null;
  const ours = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const open = () => {
    view?.stop();
    view = mount(el, { ...model.get("payload"), start: ours() }, (values) => {
      model.set(values);
      model.save_changes();
    });
  };
  const follow = (name) => () => {
    if (view.values()[name] !== model.get(name)) view.set(ours()); // all at once: several may have been set together
  };
  open();
  model.on("change:payload", open);
  NAMES.forEach((name) => model.on(`change:${name}`, follow(name)));
  return () => view.stop();
}

export default { render };
