// The playground: the speedup law with sliders. The same module draws the published figure and the notebook's
// widget. The formulas are those of specdec_lib.theory.speedup, with v(K) = 1 + slope · K; a test holds the two
// against each other. Every text enters the page as text, never as markup. It asks nobody for anything.

const LARGEST_K = 64;
const TIE = 1e-12; // speedups closer than this, relatively, are one and the same: the smaller K wins
const LEVELS = [1.5, 2, 3, 5];
const COLUMNS = 60; // of the plane's curves
const SPACE = "http://www.w3.org/2000/svg";
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

// ---------------------------------------------------------------------------------------------- elements

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An element with attributes, and children that are elements or texts. */
const make = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => filled(document.createElementNS(SPACE, tag), attributes, children);

/** Two decimals, or three where the third says something. */
const number = (value) => value.toFixed(3).replace(/0$/, "");
const times = (value) => `${value.toFixed(2)}×`;
const stated = ({ kind, speedup: gain }) => (kind === "published" ? `${gain}×` : times(gain)); // no digit that a paper has not
const apart = (share) => `${Math.abs(100 * share).toFixed(0)} % ${share < 0 ? "below" : "above"}`;
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

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

/** A frame of axes: scales from values to pixels, ticks, titles; `width` and `height` in pixels. */
function frame(width, height, [left, right], [bottom, top]) {
  const box = { left: 54, right: width - 10, top: 10, bottom: height - 40 };
  const x = (value) => box.left + ((value - left) / (right - left)) * (box.right - box.left);
  const y = (value) => box.bottom - ((value - bottom) / (top - bottom)) * (box.bottom - box.top);
  const back = {
    x: (pixel) => left + ((pixel - box.left) / (box.right - box.left)) * (right - left),
    y: (pixel) => bottom + ((box.bottom - pixel) / (box.bottom - box.top)) * (top - bottom),
  };
  return { box, x, y, back };
}

function axes({ box, x, y }, xs, ys, xTitle, yTitle) {
  const shapes = [];
  for (const [value, label] of ys) {
    shapes.push(draw("line", { class: "pg-grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    shapes.push(draw("text", { class: "pg-tick", x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, label));
  }
  for (const [value, label] of xs) {
    shapes.push(draw("line", { class: "pg-axis", x1: x(value), x2: x(value), y1: box.bottom, y2: box.bottom + 4 }));
    shapes.push(draw("text", { class: "pg-tick", x: x(value), y: box.bottom + 17, "text-anchor": "middle" }, label));
  }
  const middle = (box.top + box.bottom) / 2;
  shapes.push(draw("line", { class: "pg-axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  shapes.push(draw("text", { class: "pg-title", x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle" }, xTitle));
  shapes.push(draw("text", { class: "pg-title", transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, yTitle));
  return shapes;
}

/** Slanted lines over an outline; `name` makes the pattern's id the figure's own. */
function hatch(name, outline) {
  const slant = draw("path", { d: "M-2 2L2 -2M0 8L8 0M6 10L10 6", class: "pg-slant" });
  const pattern = draw("pattern", { id: name, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, slant);
  return [draw("defs", {}, pattern), draw("path", { d: outline, class: "pg-hatched", fill: `url(#${name})` })];
}

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
  const scale = frame(...size, [0.4, last + 0.6], [0, top]);
  const { box, x, y } = scale;
  const labels = ks.filter((one) => last <= 8 || one === 1 || one % (box.right - box.left < 420 ? 4 : 2) === 0);
  const shapes = axes(scale, labels.map((one) => [one, one]), ticksUpTo(top).map((one) => [one, `${one}×`]), "K, draft tokens a round", "speedup S");
  const below = path([[box.left, y(1)], [box.right, y(1)], [box.right, y(0)], [box.left, y(0)]]);
  shapes.push(...hatch(name, `${below}Z`));
  shapes.push(draw("line", { class: "pg-one", x1: box.left, x2: box.right, y1: y(1), y2: y(1) }));
  const low = at(k) < 0.5; // the words keep out of the curve's way
  const corner = low ? { x: box.right - 6, y: y(1) + 17, "text-anchor": "end" } : { x: box.left + 6, y: y(0) - 8 };
  shapes.push(draw("text", { class: "pg-label", ...corner }, "slower than plain decoding"));
  shapes.push(draw("path", { class: "pg-curve", d: path(ks.map((one) => [x(one), y(at(one))])) }));
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
function text({ box, x }, k, height, label, place = "middle") {
  const room = { start: box.right - x(k), middle: Math.min(x(k) - box.left, box.right - x(k)), end: x(k) - box.left };
  const free = room[place] > (place === "middle" ? 50 : 110) ? place : room.start > room.end ? "start" : "end";
  const shift = { start: -8, middle: 0, end: 8 }[free];
  return draw("text", { class: "pg-label", x: x(k) + shift, y: clamp(height, box.top + 10, box.bottom - 6), "text-anchor": free }, label);
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
  const scale = frame(...size, [0, cMax], [0, 1]);
  const { box, x, y } = scale;
  const cs = Array.from({ length: Math.floor(cMax * 10 + 1e-9) + 1 }, (_, index) => [index / 10, (index / 10).toFixed(1)]);
  const alphas = [0, 0.2, 0.4, 0.6, 0.8, 1].map((one) => [one, one.toFixed(1)]);
  const shapes = axes(scale, cs, alphas, "c, cost of a draft forward", "α, acceptance");
  const outline = known.loss.map(([c, alpha]) => [x(c), y(alpha)]);
  shapes.push(...hatch(name, `${path([...outline, [box.right, box.bottom], [box.left, box.bottom]])}Z`));
  shapes.push(draw("path", { class: "pg-one", d: path(outline) }));
  const [, below] = known.loss[Math.round(0.72 * COLUMNS)];
  if (below > 0.12) shapes.push(draw("text", { class: "pg-label", x: x(0.72 * cMax), y: y(Math.min(0.5, below / 2)), "text-anchor": "middle" }, "no K gains"));
  for (const [level, line] of known.levels) {
    if (line.length < 2) continue;
    const [c, alpha] = line.at(-1);
    shapes.push(draw("path", { class: "pg-level", d: path(line.map(([one, needed]) => [x(one), y(needed)])) }));
    const edge = x(c) > box.right - 32;
    shapes.push(draw("text", { class: "pg-label", x: edge ? box.right : x(c) + 3, y: y(alpha) + (edge ? 28 : 13), "text-anchor": edge ? "end" : "start" }, `${level}×`));
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

/** A labelled native slider; `show` writes a value that the slider itself may only come near. */
function slider(name, label, { min, max, step }, change) {
  const input = make("input", { type: "range", min, max, step, "data-name": name });
  const output = make("span", { class: "pg-value", "aria-hidden": "true" });
  input.addEventListener("input", () => change({ [name]: Number(input.value) }));
  const show = (value, words) => {
    input.value = String(value);
    input.setAttribute("aria-valuetext", words);
    output.textContent = words;
  };
  return { row: make("label", { class: "pg-slider" }, make("span", { class: "pg-name" }, label), output, input), show };
}

/** A select of all points, by their source; its first entry is the reader's own values. */
function chooser(points, choose) {
  const own = make("option", { value: "" }, "your own values");
  const groups = [...new Set(points.map((point) => point.source))].map((source) => {
    const options = points.map((point, index) => (point.source === source ? make("option", { value: index }, point.name) : null));
    return make("optgroup", { label: source }, ...options);
  });
  const select = make("select", {}, own, ...groups);
  select.addEventListener("change", () => choose(select.value === "" ? null : Number(select.value)));
  return { row: make("label", { class: "pg-choose" }, "Load ", select), select };
}

// ---------------------------------------------------------------------------------------------- the whole

let mounted = 0;

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
  const name = `pg-${host.id || "figure"}-${(mounted += 1)}`;
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

  const fraction = (max) => ({ min: 0, max, step: 0.01 });
  const sliders = {
    alpha: slider("alpha", "α, acceptance", fraction(1), set),
    k: slider("k", "K, draft tokens a round", { min: 1, max: last, step: 1 }, set),
    c: slider("c", "c, a draft forward", fraction(cMax), set),
    slope: slider("slope", "s, verify slope", fraction(1), set),
    overhead: slider("overhead", "o, all else in a round", fraction(1), set),
  };
  const best = make("button", { type: "button", "data-act": "best" }, "Take the best K");
  best.addEventListener("click", () => set({ k: Math.min(last, optimalK(values.alpha, values.c, values.slope, values.overhead)) }));
  const { row, select } = chooser(points, choose);
  const controls = make("div", { class: "pg-controls" }, ...Object.values(sliders).map((one) => one.row));
  const said = make("p", { class: "pg-said" });
  const against = make("p", { class: "pg-against" });
  const words = make("div", { class: "pg-words", "aria-live": "polite" }, said, against);
  const panel = (title, note) => {
    const image = draw("svg", { role: "img" });
    return { image, section: make("section", {}, make("p", { class: "pg-heading" }, title), image, note ? make("p", { class: "pg-note" }, note) : null) };
  };
  const left = panel("Speedup over K", "★ the best K, ◯ the chosen one. A click chooses a K.");
  const kinds = [...new Set(points.map((point) => point.kind))].map((kind) => (kind === "published" ? "▲ published, " : "■ measured here, ")).join("");
  const right = panel("Where speculation gains", `${kinds}⊕ your values; lines: what the best K gives at these s and o. A click chooses c and α, or a point.`);
  const panels = make("div", { class: "pg-panels" }, left.section, right.section);
  const actions = make("div", { class: "pg-actions" }, points.length ? row : null, best);
  const root = make("div", { class: "specdec-playground", role: "group", "aria-label": payload.title }, controls, actions, words, panels);

  const place = ({ image }, height, label, content) => {
    const width = Math.max(240, Math.round(image.parentElement.clientWidth || 560));
    const { shapes, scale } = content([width, height]);
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label })) image.setAttribute(key, value);
    image.replaceChildren(...shapes);
    return scale;
  };
  const scales = {};
  const paint = () => {
    const point = selected === null ? null : points[selected];
    const key = `${values.slope} ${values.overhead}`;
    if (known.key !== key) known = { key, ...borders(values.slope, values.overhead, cMax) };
    const [told] = sentences(values, point);
    scales.curve = place(left, 290, `Speedup over K from 1 to ${last}. ${told}`, (size) => curve(`${name}-k`, size, values, point, last));
    const where = `The plane of c and alpha, with ${points.length} points, at c ${number(values.c)} and alpha ${number(values.alpha)}. ${told}`;
    scales.plane = place(right, 290, where, (size) => plane(`${name}-c`, size, values, points, selected, cMax, known));
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
  root.addEventListener("keydown", (event) => event.stopPropagation()); // a notebook does not move with it

  host.replaceChildren(root);
  show();
  let width = panels.clientWidth;
  const watch = new ResizeObserver(() => {
    if (panels.clientWidth === width || panels.clientWidth === 0) return;
    width = panels.clientWidth;
    paint();
  });
  watch.observe(panels);
  return { set, choose, values: () => ({ ...values }), stop: () => watch.disconnect() };
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
