// The playground: the speedup law with sliders. The same module draws the published figure and the notebook's
// widget. The formulas are those of specdec_lib.theory.speedup, with v(K) = 1 + slope · K; a test holds the two
// against each other. It asks nobody for anything.

import { assemble, axes, clamp, draw, fill, frame, hatching, label, make, ownName, panel, path, slider } from "./live.js";

const LARGEST_K = 64;
const TIE = 1e-12; // speedups closer than this, relatively, are one and the same: the smaller K wins
const LEVELS = [1.5, 2, 3, 5];
const HEIGHT = 290;
const COLUMNS = 60; // of the plane's curves
const NAMES = ["alpha", "k", "c", "slope", "overhead"];

// ---------------------------------------------------------------------------------------------- the law

/** Tokens a round emits on average. */
export function expectedTokens(alpha, k) {
  if (alpha === 1) return k + 1;
  if (alpha === 0 || k === 0) return 1;
  return -Math.expm1((k + 1) * Math.log(alpha)) / (1 - alpha); // no cancellation near alpha = 1
}

/** A round's cost in target forwards of one token. */
export const roundCost = (k, c, slope, overhead) => k * c + (1 + slope * k) + overhead;

export const speedup = (alpha, k, c, slope, overhead) => expectedTokens(alpha, k) / roundCost(k, c, slope, overhead);

/** The K from 1 on with the largest speedup, or 0 where none exceeds 1. */
export function optimalK(alpha, c, slope, overhead, largest = LARGEST_K) {
  let [bestK, best] = [0, 1];
  for (let k = 1; k <= largest; k += 1) {
    const candidate = speedup(alpha, k, c, slope, overhead);
    if (candidate > best * (1 + TIE)) [bestK, best] = [k, candidate];
  }
  return bestK;
}

/** The smallest alpha at which some K reaches the speedup `level`; null where alpha = 1 does not. */
export function neededAlpha(level, c, slope, overhead, largest = LARGEST_K) {
  const costs = Array.from({ length: largest }, (_, index) => level * roundCost(index + 1, c, slope, overhead));
  const reaches = (alpha) => {
    let [power, tokens] = [1, 1];
    return costs.some((cost) => {
      power *= alpha;
      tokens += power;
      return tokens >= cost;
    });
  };
  if (!reaches(1)) return null;
  let [low, high] = [0, 1];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return high;
}

// ---------------------------------------------------------------------------------------------- words and shapes

/** Two decimals, or three where the third says something. */
const number = (value) => value.toFixed(3).replace(/0$/, "");
const times = (value) => `${value.toFixed(2)}×`;
const stated = ({ kind, speedup: gain }) => (kind === "published" ? `${gain}×` : times(gain)); // no digit that a paper has not
const apart = (share) => `${Math.abs(100 * share).toFixed(0)} % ${share < 0 ? "below" : "above"}`;

function star(x, y, radius) {
  const corners = Array.from({ length: 10 }, (_, index) => {
    const [angle, reach] = [(Math.PI * (index - 2.5)) / 5, index % 2 ? radius * 0.45 : radius];
    return [x + reach * Math.cos(angle), y + reach * Math.sin(angle)];
  });
  return `${path(corners)}Z`;
}

const SHAPES = {
  published: (x, y, r) => `${path([[x, y - r], [x + r, y + 0.8 * r], [x - r, y + 0.8 * r]])}Z`, // triangle
  measured: (x, y, r) => `${path([[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r]])}Z`, // square
};

/** Slanted lines over an outline. */
const hatch = (name, outline) => [hatching(name, "pg-slant"), draw("path", { d: outline, class: "pg-hatched", fill: `url(#${name})` })];

// ---------------------------------------------------------------------------------------------- the curve

const TOPS = [1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 65];

function ticksUpTo(top) {
  const step = [0.5, 1, 2, 5, 10].find((one) => top / one <= 6) ?? 20;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
}

/** S over K, with the chosen K, the best one, and what was measured or published for the chosen point. */
function curve(name, size, values, point, last) {
  const { alpha, k, c, slope, overhead } = values;
  const ks = Array.from({ length: last }, (_, index) => index + 1);
  const at = (one) => speedup(alpha, one, c, slope, overhead);
  const highest = Math.max(...ks.map(at), at(k), point ? point.high ?? point.speedup : 0);
  const top = TOPS.find((one) => one >= 1.08 * highest) ?? 1.1 * highest;
  const scale = frame(size, [0.4, last + 0.6], [0, top]);
  const { box, x, y } = scale;
  const labels = ks.filter((one) => last <= 8 || one === 1 || one % (box.right - box.left < 420 ? 4 : 2) === 0);
  const shapes = axes(scale, labels.map((one) => [one, one]), ticksUpTo(top).map((one) => [one, `${one}×`]), "K, draft tokens a round", "speedup S");
  const below = path([[box.left, y(1)], [box.right, y(1)], [box.right, y(0)], [box.left, y(0)]]);
  shapes.push(...hatch(name, `${below}Z`));
  shapes.push(draw("line", { class: "pg-one", x1: box.left, x2: box.right, y1: y(1), y2: y(1) }));
  const low = at(k) < 0.5; // the words keep out of the curve's way
  const corner = low ? [box.right - 6, y(1) + 17] : [box.left + 6, y(0) - 8];
  shapes.push(label(...corner, "slower than plain decoding", low ? "end" : "start"));
  shapes.push(draw("path", { class: "pg-curve lf-curve", d: path(ks.map((one) => [x(one), y(at(one))])) }));
  shapes.push(...ks.map((one) => draw("circle", { class: "pg-dot", cx: x(one), cy: y(at(one)), r: 3.5 })));

  const best = optimalK(alpha, c, slope, overhead);
  const shown = best > 0 && best <= last;
  if (shown) shapes.push(draw("path", { class: "pg-best", d: star(x(best), y(at(best)), 9) }));
  shapes.push(draw("circle", { class: "pg-chosen", cx: x(k), cy: y(at(k)), r: 10 }));
  if (shown) shapes.push(text(scale, best, y(at(best)) - 15, `best: K = ${best}`));
  else if (best) shapes.push(text(scale, last, y(at(last)) - 15, `best: K = ${best} →`));
  const under = Math.max(y(at(k)), point ? y(point.low ?? point.speedup) : 0);
  const side = k < best ? "start" : k > best ? "end" : "middle"; // on that side the curve is higher up
  shapes.push(text(scale, k, under + 25, point ? `predicted ${times(at(k))}` : times(at(k)), side));
  if (point) shapes.push(...claim(scale, point), text(scale, k, under + 41, `${point.kind} ${stated(point)}`, side));
  return { shapes, scale };
}

/** A label at a K, beside it where `place` is start or end, and kept inside the frame. */
function text({ box, x }, k, height, words, place = "middle") {
  const room = { start: box.right - x(k), middle: Math.min(x(k) - box.left, box.right - x(k)), end: x(k) - box.left };
  const free = room[place] > (place === "middle" ? 50 : 110) ? place : room.start > room.end ? "start" : "end";
  const shift = { start: -8, middle: 0, end: 8 }[free];
  return label(x(k) + shift, clamp(height, box.top + 10, box.bottom - 6), words, free);
}

function claim({ x, y }, point) {
  const mark = draw("path", { class: `pg-point pg-${point.kind} pg-current`, d: SHAPES[point.kind](x(point.k), y(point.speedup), 6) });
  if (point.low === null) return [mark];
  return [draw("line", { class: "pg-interval", x1: x(point.k), x2: x(point.k), y1: y(point.low), y2: y(point.high) }), mark];
}

// ---------------------------------------------------------------------------------------------- the plane

/** Border of "no K gains", and of each level of the best speedup, over c; they hang on slope and overhead alone. */
function borders(slope, overhead, cMax) {
  const columns = Array.from({ length: COLUMNS + 1 }, (_, index) => (cMax * index) / COLUMNS);
  const of = (level) => columns.map((c) => [c, neededAlpha(level, c, slope, overhead)]);
  return { loss: of(1).map(([c, alpha]) => [c, alpha ?? 1]), levels: LEVELS.map((level) => [level, of(level).filter(([, alpha]) => alpha !== null)]) };
}

/** Costs across, acceptance up: where no K gains, what the best K gives elsewhere, the points and the chosen place. */
function plane(name, size, values, points, selected, cMax, known) {
  const scale = frame(size, [0, cMax], [0, 1]);
  const { box, x, y } = scale;
  const cs = Array.from({ length: Math.floor(cMax * 10 + 1e-9) + 1 }, (_, index) => [index / 10, (index / 10).toFixed(1)]);
  const alphas = [0, 0.2, 0.4, 0.6, 0.8, 1].map((one) => [one, one.toFixed(1)]);
  const shapes = axes(scale, cs, alphas, "c, cost of a draft forward", "α, acceptance");
  const outline = known.loss.map(([c, alpha]) => [x(c), y(alpha)]);
  shapes.push(...hatch(name, `${path([...outline, [box.right, box.bottom], [box.left, box.bottom]])}Z`));
  shapes.push(draw("path", { class: "pg-one", d: path(outline) }));
  const [, below] = known.loss[Math.round(0.72 * COLUMNS)];
  if (below > 0.12) shapes.push(label(x(0.72 * cMax), y(Math.min(0.5, below / 2)), "no K gains"));
  for (const [level, line] of known.levels) {
    if (line.length < 2) continue;
    const [c, alpha] = line.at(-1);
    shapes.push(draw("path", { class: "pg-level", d: path(line.map(([one, needed]) => [x(one), y(needed)])) }));
    const edge = x(c) > box.right - 32;
    shapes.push(label(edge ? box.right : x(c) + 3, y(alpha) + (edge ? 28 : 13), `${level}×`, edge ? "end" : "start"));
  }
  points.forEach((point, index) => {
    const chosen = index === selected;
    const title = draw("title", {}, described(point));
    const place = [x(clamp(point.c, 0, cMax)), y(point.alpha)];
    const mark = draw("path", { class: `pg-point pg-${point.kind}${chosen ? " pg-current" : ""}`, d: SHAPES[point.kind](...place, chosen ? 7 : 5) });
    const target = draw("circle", { class: "pg-target", cx: place[0], cy: place[1], r: 9 });
    shapes.push(draw("g", { "data-point": index }, title, mark, target));
  });
  const [cx, cy] = [x(clamp(values.c, 0, cMax)), y(values.alpha)];
  const cross = path([[cx - 15, cy], [cx - 5, cy]]) + path([[cx + 5, cy], [cx + 15, cy]]) + path([[cx, cy - 15], [cx, cy - 5]]) + path([[cx, cy + 5], [cx, cy + 15]]);
  shapes.push(draw("circle", { class: "pg-chosen", cx, cy, r: 10 }), draw("path", { class: "pg-cross", d: cross }));
  return { shapes, scale };
}

const described = (point) => `${point.name}: α ${number(point.alpha)}, K ${point.k}, c ${number(point.c)}, ${point.kind} ${stated(point)}`;

// ---------------------------------------------------------------------------------------------- the words

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
 * @param payload { title, start, k_max, points }, as specdec_lib.viz.live.playground.payload makes it
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
    if (view.values()[name] !== model.get(name)) view.set({ [name]: model.get(name) });
  };
  open();
  model.on("change:payload", open);
  NAMES.forEach((name) => model.on(`change:${name}`, follow(name)));
  return () => view.stop();
}

export default { render };
