// Two laws and a temperature: what of the draft's law the target's covers, at one place and over several. The
// formulas are those of specdec_lib.theory and of the warpers; a test holds them against each other. Every text
// enters the page as text, never as markup. It asks nobody for anything.

const SPACE = "http://www.w3.org/2000/svg";
const [COLDEST, HOTTEST, STEPS] = [0.03, 30, 120];
const TICKS = [0.03, 0.1, 0.3, 1, 3, 10, 30];

// ---------------------------------------------------------------------------------------------- the laws

/** softmax(logits / temperature). */
export function lawAt(logits, temperature) {
  const highest = Math.max(...logits);
  const weights = logits.map((one) => Math.exp((one - highest) / temperature));
  const total = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => one / total);
}

/** β = Σ min(p, q) of one place, the target at one temperature and the draft at another. */
export function overlap({ target, draft }, temperature, draftTemperature = temperature) {
  const [p, q] = [lawAt(target, temperature), lawAt(draft, draftTemperature)];
  return p.reduce((sum, one, index) => sum + Math.min(one, q[index]), 0);
}

/** α: the mean of β over the places. */
export const acceptance = (places, ...temperatures) =>
  places.reduce((sum, place) => sum + overlap(place, ...temperatures), 0) / places.length;

/** The temperature at a notch of the slider, on a logarithmic scale, and the notch next to a temperature. */
export const temperatureAt = (notch) => COLDEST * (HOTTEST / COLDEST) ** (notch / STEPS);
export const notchOf = (temperature) => Math.round((STEPS * Math.log(temperature / COLDEST)) / Math.log(HOTTEST / COLDEST));

// ---------------------------------------------------------------------------------------------- elements

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const make = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => filled(document.createElementNS(SPACE, tag), attributes, children);
const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const shownTemperature = (value) => String(Number(value.toPrecision(2)));

/** Slanted lines, falling or rising, as a pattern whose id is the figure's own. */
function hatch(id, kind) {
  const slant = kind === "missing" ? "M-2 2L2 -2M0 8L8 0M6 10L10 6" : "M-2 6L2 10M0 0L8 8M6 -2L10 2";
  return draw("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, draw("path", { d: slant, class: `ov-slant ov-${kind}` }));
}

function axes(box, xs, ys, titles) {
  const shapes = ys.flatMap(([y, label]) => [
    draw("line", { class: "ov-grid", x1: box.left, x2: box.right, y1: y, y2: y }),
    draw("text", { class: "ov-tick", x: box.left - 6, y: y + 4, "text-anchor": "end" }, label),
  ]);
  shapes.push(...xs.map(([x, label]) => draw("text", { class: "ov-tick", x, y: box.bottom + 16, "text-anchor": "middle" }, label)));
  shapes.push(draw("line", { class: "ov-axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  shapes.push(draw("text", { class: "ov-title", x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle" }, titles.x));
  const middle = (box.top + box.bottom) / 2;
  shapes.push(draw("text", { class: "ov-title", transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, titles.y));
  return shapes;
}

const boxOf = ([width, height]) => ({ left: 50, right: width - 10, top: 16, bottom: height - 42 });
const shares = [0, 0.25, 0.5, 0.75, 1];

// ---------------------------------------------------------------------------------------------- the two panels

/** A bar a word: what both laws have, and on top of it what only one of them has. */
function bars(name, size, place, [p, q]) {
  const box = boxOf(size);
  const y = (share) => box.bottom - share * (box.bottom - box.top);
  const step = (box.right - box.left) / place.words.length;
  const middles = place.words.map((_, index) => box.left + (index + 0.5) * step);
  const shapes = [draw("defs", {}, hatch(`${name}-missing`, "missing"), hatch(`${name}-surplus`, "surplus"))];
  shapes.push(...axes(box, middles.map((x, index) => [x, place.words[index]]), shares.map((one) => [y(one), String(one)]), { x: "the next word", y: "probability" }));
  const width = Math.min(56, 0.6 * step);
  middles.forEach((x, index) => {
    const [low, high] = [Math.min(p[index], q[index]), Math.max(p[index], q[index])];
    const kind = p[index] > q[index] ? "missing" : "surplus";
    const at = { x: x - width / 2, width };
    shapes.push(draw("rect", { class: "ov-common", ...at, y: y(low), height: y(0) - y(low) }));
    shapes.push(draw("rect", { class: `ov-rest ov-${kind}`, ...at, y: y(high), height: y(low) - y(high), fill: `url(#${name}-${kind})` }));
    const label = `p ${p[index].toFixed(2)}, q ${q[index].toFixed(2)}`;
    shapes.push(draw("text", { class: "ov-label", x, y: Math.max(box.top + 4, y(high) - 6), "text-anchor": "middle" }, label));
  });
  return shapes;
}

/** β of each place and their mean, α, over the target's temperature; a mark where the reader stands. */
function curves(size, places, chosen, temperature, draftTemperature) {
  const box = boxOf(size);
  const reach = Math.log(HOTTEST / COLDEST);
  const x = (value) => box.left + (Math.log(value / COLDEST) / reach) * (box.right - box.left);
  const y = (share) => box.bottom - share * (box.bottom - box.top);
  const notches = Array.from({ length: STEPS + 1 }, (_, index) => temperatureAt(index));
  const line = (of) => path(notches.map((one) => [x(one), y(of(one))]));
  const draftAt = (one) => draftTemperature ?? one;
  const shapes = axes(box, TICKS.map((one) => [x(one), one]), shares.map((one) => [y(one), String(one)]), { x: "temperature of the target", y: "share kept" });
  const beta = (one) => overlap(places[chosen], one, draftAt(one));
  const alpha = (one) => acceptance(places, one, draftAt(one));
  shapes.push(draw("path", { class: "ov-mean", d: line(alpha) }), draw("path", { class: "ov-curve", d: line(beta) }));
  shapes.push(draw("line", { class: "ov-here", x1: x(temperature), x2: x(temperature), y1: box.top, y2: box.bottom }));
  const diamond = ([a, b]) => `${path([[a, b - 7], [a + 7, b], [a, b + 7], [a - 7, b]])}Z`;
  shapes.push(draw("path", { class: "ov-mark", d: diamond([x(temperature), y(alpha(temperature))]) }));
  shapes.push(draw("circle", { class: "ov-dot", cx: x(temperature), cy: y(beta(temperature)), r: 6 }));
  return shapes;
}

// ---------------------------------------------------------------------------------------------- the whole

function slider(name, label, change) {
  const input = make("input", { type: "range", min: 0, max: STEPS, step: 1, "data-name": name });
  const output = make("span", { class: "ov-value", "aria-hidden": "true" });
  input.addEventListener("input", () => change(temperatureAt(Number(input.value))));
  const show = (value) => {
    input.value = String(notchOf(value));
    input.setAttribute("aria-valuetext", shownTemperature(value));
    output.textContent = shownTemperature(value);
  };
  return { row: make("label", { class: "ov-slider" }, make("span", {}, label), output, input), input, show };
}

/** Words for what is drawn: the sentence that a reader hears. */
export function sentence(places, chosen, temperature, draftTemperature) {
  const place = places[chosen];
  const first = (logits) => place.words[logits.indexOf(Math.max(...logits))];
  const [ours, theirs] = [first(place.target), first(place.draft)];
  const agree = ours === theirs ? `both put "${ours}" first` : `the target puts "${ours}" first, the draft "${theirs}"`;
  const kept = overlap(place, temperature, draftTemperature).toFixed(2);
  const mean = acceptance(places, temperature, draftTemperature).toFixed(2);
  const at = draftTemperature === temperature ? "both models" : `the target, ${shownTemperature(draftTemperature)} for the draft`;
  return `Temperature ${shownTemperature(temperature)} for ${at}: a draft token stays with β ${kept}; ${agree}. Over all ${places.length} places α is ${mean}.`;
}

let mounted = 0;

/**
 * Draw the figure into `host`.
 * @param payload { title, places: [{ name, words, target, draft }], temperature }, as specdec_lib.viz.live.overlap makes it
 */
export function mount(host, payload) {
  const { places } = payload;
  const name = `ov-${host.id || "figure"}-${(mounted += 1)}`;
  const state = { chosen: 0, temperature: payload.temperature, draft: payload.temperature, linked: true };
  const set = (changes) => {
    Object.assign(state, changes);
    if (state.linked) state.draft = state.temperature;
    show();
  };
  const own = slider("temperature", "Temperature of the target", (temperature) => set({ temperature }));
  const drafts = slider("draft", "Temperature of the draft", (draft) => set({ draft, linked: false }));
  const link = make("input", { type: "checkbox", "data-name": "linked" });
  link.addEventListener("change", () => set({ linked: link.checked }));
  const select = make("select", {}, ...places.map((place, index) => make("option", { value: index }, place.name)));
  select.addEventListener("change", () => set({ chosen: Number(select.value) }));
  const controls = make("div", { class: "ov-controls" }, own.row, drafts.row);
  const actions = make("div", { class: "ov-actions" }, make("label", {}, "Place ", select), make("label", {}, link, " the draft follows the target"));
  const said = make("p", { class: "ov-said", "aria-live": "polite" });
  const panel = (title, note) => {
    const image = draw("svg", { role: "img" });
    return { image, section: make("section", {}, make("p", { class: "ov-heading" }, title), image, make("p", { class: "ov-note" }, note)) };
  };
  const left = panel("One place", "■ common to p and q: kept. ▨ rising: only the target has it. ▧ falling: only the draft has it, and it is rejected.");
  const right = panel("Over the temperature", "● β of this place (solid line). ◆ α, the mean over all places (dashed line).");
  const panels = make("div", { class: "ov-panels" }, left.section, right.section);
  const root = make("div", { class: "specdec-overlap", role: "group", "aria-label": payload.title }, controls, actions, said, panels);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // a notebook does not move with it

  const fill = ({ image }, label, content) => {
    const [width, height] = [Math.max(240, Math.round(image.parentElement.clientWidth || 480)), 270];
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label })) image.setAttribute(key, value);
    image.replaceChildren(...content([width, height]));
  };
  const paint = () => {
    const { chosen, temperature, draft, linked } = state;
    const place = places[chosen];
    const laws = [lawAt(place.target, temperature), lawAt(place.draft, draft)];
    const told = place.words.map((word, index) => `${word}: p ${laws[0][index].toFixed(2)}, q ${laws[1][index].toFixed(2)}`).join("; ");
    fill(left, `${place.name}. ${told}.`, (size) => bars(name, size, place, laws));
    fill(right, `Acceptance over temperature. ${said.textContent}`, (size) => curves(size, places, chosen, temperature, linked ? null : draft));
  };
  const show = () => {
    own.show(state.temperature);
    drafts.show(state.draft);
    link.checked = state.linked;
    said.textContent = sentence(places, state.chosen, state.temperature, state.draft);
    root.dataset.beta = overlap(places[state.chosen], state.temperature, state.draft).toFixed(4);
    paint();
  };
  host.replaceChildren(root);
  show();
  let width = panels.clientWidth;
  new ResizeObserver(() => {
    if (panels.clientWidth === width || panels.clientWidth === 0) return;
    width = panels.clientWidth;
    paint();
  }).observe(panels);
}
