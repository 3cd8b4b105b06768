// Two laws and a temperature: what of the draft's law the target's covers, at one place and over several. The
// formulas are those of specdec_lib.theory and of the warpers; a test holds them against each other. It asks nobody
// for anything.

import { make } from "./elements.js";
import { assemble, axes, chooser, diamond, draw, fill, frame, hatching, label, logarithmic, ownName, panel, path, shortly, slider } from "./live.js";

const [COLDEST, HOTTEST, STEPS] = [0.03, 30, 120];
const TICKS = [0.03, 0.1, 0.3, 1, 3, 10, 30];
const SHARES = [0, 0.25, 0.5, 0.75, 1].map((one) => [one, String(one)]);
const HEIGHT = 270;

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

/** The temperature at a notch of the slider, and the notch next to a temperature. */
export const { at: temperatureAt, notch: notchOf } = logarithmic(COLDEST, HOTTEST, STEPS);

// ---------------------------------------------------------------------------------------------- the two panels

/** A bar a word: what both laws have, and on top of it what only one of them has. */
function bars(name, size, place, [p, q]) {
  const scale = frame(size, [0, place.words.length], [0, 1]);
  const { box, x, y } = scale;
  const shapes = [hatching(`${name}-missing`, "ov-missing"), hatching(`${name}-surplus`, "ov-surplus", true)];
  shapes.push(...axes(scale, place.words.map((word, index) => [index + 0.5, word]), SHARES, "the next word", "probability"));
  const width = Math.min(56, 0.6 * (x(1) - x(0)));
  place.words.forEach((_, index) => {
    const [low, high] = [Math.min(p[index], q[index]), Math.max(p[index], q[index])];
    const kind = p[index] > q[index] ? "missing" : "surplus";
    const at = { x: x(index + 0.5) - width / 2, width };
    shapes.push(draw("rect", { class: "ov-common", ...at, y: y(low), height: y(0) - y(low) }));
    shapes.push(draw("rect", { class: `ov-rest ov-${kind}`, ...at, y: y(high), height: y(low) - y(high), fill: `url(#${name}-${kind})` }));
    shapes.push(label(x(index + 0.5), Math.max(box.top + 4, y(high) - 6), `p ${p[index].toFixed(2)}, q ${q[index].toFixed(2)}`));
  });
  return shapes;
}

/** β of each place and their mean, α, over the target's temperature; a mark where the reader stands. */
function curves(size, places, chosen, temperature, draftTemperature) {
  const scale = frame(size, [Math.log(COLDEST), Math.log(HOTTEST)], [0, 1]);
  const { box, y } = scale;
  const x = (value) => scale.x(Math.log(value));
  const notches = Array.from({ length: STEPS + 1 }, (_, index) => temperatureAt(index));
  const line = (of) => path(notches.map((one) => [x(one), y(of(one))]));
  const draftAt = (one) => draftTemperature ?? one;
  const shapes = axes(scale, TICKS.map((one) => [Math.log(one), one]), SHARES, "temperature of the target", "share kept");
  const beta = (one) => overlap(places[chosen], one, draftAt(one));
  const alpha = (one) => acceptance(places, one, draftAt(one));
  shapes.push(draw("path", { class: "ov-mean lf-dashed", d: line(alpha) }), draw("path", { class: "ov-curve lf-curve", d: line(beta) }));
  shapes.push(draw("line", { class: "lf-here", x1: x(temperature), x2: x(temperature), y1: box.top, y2: box.bottom }));
  shapes.push(draw("path", { class: "lf-mark", d: diamond(x(temperature), y(alpha(temperature))) }));
  shapes.push(draw("circle", { class: "lf-dot", cx: x(temperature), cy: y(beta(temperature)), r: 6 }));
  return shapes;
}

// ---------------------------------------------------------------------------------------------- the whole

/** Words for what is drawn: the sentence that a reader hears. */
export function sentence(places, chosen, temperature, draftTemperature) {
  const place = places[chosen];
  const first = (logits) => place.words[logits.indexOf(Math.max(...logits))];
  const [ours, theirs] = [first(place.target), first(place.draft)];
  const agree = ours === theirs ? `both put "${ours}" first` : `the target puts "${ours}" first, the draft "${theirs}"`;
  const kept = overlap(place, temperature, draftTemperature).toFixed(2);
  const mean = acceptance(places, temperature, draftTemperature).toFixed(2);
  const at = draftTemperature === temperature ? "both models" : `the target, ${shortly(draftTemperature)} for the draft`;
  return `Temperature ${shortly(temperature)} for ${at}: a draft token stays with β ${kept}; ${agree}. Over all ${places.length} places α is ${mean}.`;
}

/**
 * Draw the figure into `host`.
 * @param payload { title, places: [{ name, words, target, draft }], temperature }, as specdec_lib.viz.live.overlap makes it
 */
export function mount(host, payload) {
  const { places, title } = payload;
  const name = ownName(host);
  const state = { chosen: 0, temperature: payload.temperature, draft: payload.temperature, linked: true };
  const set = (changes) => {
    Object.assign(state, changes);
    if (state.linked) state.draft = state.temperature;
    show();
  };
  const own = slider("temperature", "Temperature of the target", { max: STEPS }, (notch) => set({ temperature: temperatureAt(notch) }));
  const drafts = slider("draft", "Temperature of the draft", { max: STEPS }, (notch) => set({ draft: temperatureAt(notch), linked: false }));
  const link = make("input", { type: "checkbox", "data-name": "linked" });
  link.addEventListener("change", () => set({ linked: link.checked }));
  const select = chooser(places.map((place) => place.name), (chosen) => set({ chosen }));
  const actions = [make("label", {}, "Place ", select), make("label", {}, link, " the draft follows the target")];
  const said = make("p", { class: "ov-said lf-words" });
  const left = panel("One place", "■ common to p and q: kept. ▨ rising: only the target has it. ▧ falling: only the draft has it, and it is rejected.");
  const right = panel("Over the temperature", "● β of this place (solid line). ◆ α, the mean over all places (dashed line).");

  const paint = () => {
    const { chosen, temperature, draft, linked } = state;
    const place = places[chosen];
    const laws = [lawAt(place.target, temperature), lawAt(place.draft, draft)];
    const told = place.words.map((word, index) => `${word}: p ${laws[0][index].toFixed(2)}, q ${laws[1][index].toFixed(2)}`).join("; ");
    fill(left, HEIGHT, `${place.name}. ${told}.`, (size) => bars(name, size, place, laws));
    fill(right, HEIGHT, `Acceptance over temperature. ${said.textContent}`, (size) => curves(size, places, chosen, temperature, linked ? null : draft));
  };
  const show = () => {
    own.show(notchOf(state.temperature), shortly(state.temperature));
    drafts.show(notchOf(state.draft), shortly(state.draft));
    link.checked = state.linked;
    said.textContent = sentence(places, state.chosen, state.temperature, state.draft);
    root.dataset.beta = overlap(places[state.chosen], state.temperature, state.draft).toFixed(4);
    paint();
  };
  const parts = { style: "specdec-overlap", title, sliders: [own, drafts], actions, words: said, panels: [left, right] };
  const { root } = assemble(host, parts, paint);
  show();
}
