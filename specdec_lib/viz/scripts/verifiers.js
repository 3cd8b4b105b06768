// Token and block verification of a draft of few words: all drafts are listed, in the browser. The recursions are those
// of specdec_lib.viz.live.verifiers; a test holds them against the enumeration of specdec_lib.lossless. It asks nobody
// for anything.

import { make } from "./elements.js";
import { assemble, axes, chooser, diamond, draw, fill, frame, hatching, label, logarithmic, ownName, panel, path, shortly, slider } from "./live.js";

const [COLDEST, HOTTEST, STEPS] = [0.1, 10, 60];
const TICKS = [0.1, 0.3, 1, 3, 10];
const TOPS = [0.5, 1, 1.5, 2, 3, 4, 6, 8];
const SHARES = [0, 0.25, 0.5, 0.75, 1].map((one) => [one, String(one)]);
const HEIGHT = 270;
const SEEN = 0.0005; // a gain below it is none to a reader
const { at: temperatureAt, notch: notchOf } = logarithmic(COLDEST, HOTTEST, STEPS);

// ---------------------------------------------------------------------------------------------- the laws

/** A law at a temperature: proportional to its power 1 / T. */
export function tempered(law, temperature) {
  const highest = Math.max(...law);
  const weights = law.map((one) => (one / highest) ** (1 / temperature));
  const total = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => one / total);
}

/** The chain with another draft: its own at a temperature, mixed with a share of the target. */
export function redrafted({ name, target, draft }, temperature, share) {
  const mixed = (law, row) => tempered(law, temperature).map((one, word) => share * target[row][word] + (1 - share) * one);
  return { name, target, draft: draft.map(mixed) };
}

/** P(at least i draft tokens stay) for i = 1 … k: [under token verification, under block verification]. */
export function staying({ target, draft }, k) {
  const chances = Array.from({ length: k }, () => [0, 0]);
  const grow = (length, last, proposed, token, block) => {
    if (length === k) return;
    target[last].forEach((p, word) => {
      const q = draft[last][word];
      const [byToken, byBlock] = [token * Math.min(p, q), Math.min(proposed * q, block * p)];
      chances[length][0] += byToken;
      chances[length][1] += byBlock;
      grow(length + 1, word + 1, proposed * q, byToken, byBlock);
    });
  };
  grow(0, 0, 1, 1, 1);
  return chances;
}

/** Draft tokens accepted a round, on average: [under token verification, under block verification]. */
export const accepted = (chain, k) => staying(chain, k).reduce(([token, block], [one, other]) => [token + one, block + other], [0, 0]);

// ---------------------------------------------------------------------------------------------- the two panels

/** A bar a prefix length: how often so many tokens stay with both verifiers, and with block verification only. */
function bars(name, size, chances, last) {
  const scale = frame(size, [0.4, last + 0.6], [0, 1]);
  const { box, x, y } = scale;
  const lengths = Array.from({ length: last }, (_, index) => [index + 1, index + 1]);
  const shapes = [hatching(name, "vf-more"), ...axes(scale, lengths, SHARES, "draft tokens that stay, at least", "probability")];
  const step = x(1) - x(0);
  chances.forEach(([token, block], index) => {
    const at = { x: x(index + 1) - 0.3 * step, width: 0.6 * step };
    shapes.push(draw("rect", { class: "vf-token", ...at, y: y(token), height: y(0) - y(token) }));
    if (block - token < SEEN) return;
    shapes.push(draw("rect", { class: "vf-more", ...at, y: y(block), height: y(token) - y(block), fill: `url(#${name})` }));
    const points = 100 * (block - token);
    shapes.push(label(x(index + 1), Math.max(box.top + 4, y(block) - 6), `+${points.toFixed(step < 44 && points >= 1 ? 0 : 1)}`));
  });
  return shapes;
}

/** Tokens accepted a round over the draft's temperature, by either verifier; a mark where the reader stands. */
function curves(size, chain, { k, temperature, share }) {
  const notches = Array.from({ length: STEPS + 1 }, (_, index) => temperatureAt(index));
  const means = notches.map((one) => accepted(redrafted(chain, one, share), k));
  const top = Math.min(k, TOPS.find((one) => one >= 1.05 * Math.max(...means.flat())) ?? k);
  const scale = frame(size, [Math.log(COLDEST), Math.log(HOTTEST)], [0, top]);
  const { box, y } = scale;
  const x = (value) => scale.x(Math.log(value));
  const ys = Array.from({ length: 5 }, (_, index) => [(index * top) / 4, String((index * top) / 4)]);
  const shapes = axes(scale, TICKS.map((one) => [Math.log(one), one]), ys, "temperature of the draft", "accepted a round");
  const line = (verifier) => path(notches.map((one, index) => [x(one), y(means[index][verifier])]));
  shapes.push(draw("path", { class: "lf-dashed", d: line(0) }), draw("path", { class: "lf-curve vf-block-line", d: line(1) }));
  shapes.push(draw("line", { class: "lf-here", x1: x(temperature), x2: x(temperature), y1: box.top, y2: box.bottom }));
  const [token, block] = accepted(redrafted(chain, temperature, share), k);
  shapes.push(draw("circle", { class: "lf-dot vf-block-dot", cx: x(temperature), cy: y(block), r: 6 }));
  shapes.push(draw("path", { class: "lf-mark", d: diamond(x(temperature), y(token)) }));
  return shapes;
}

// ---------------------------------------------------------------------------------------------- the whole

/** The lengths of prefixes in words: "2 and 3", "2 to 4". */
function listed(lengths) {
  const [first, last] = [lengths[0], lengths.at(-1)];
  if (lengths.length > 2 && last - first === lengths.length - 1) return `${first} to ${last}`;
  return lengths.join(" and ");
}

/** Words for what is drawn: the sentence that a reader hears. */
export function sentence(chain, k, temperature, share) {
  const chances = staying(redrafted(chain, temperature, share), k);
  const [token, block] = accepted(redrafted(chain, temperature, share), k);
  const gaining = chances.flatMap(([one, other], index) => (other - one < SEEN ? [] : [index + 1]));
  const more = gaining.length ? `, ${(100 * (block / token - 1)).toFixed(1)} % more` : "";
  const which = gaining.length ? `Prefixes of ${listed(gaining)} tokens stay more often.` : "No prefix stays more often.";
  const drafts = `K ${k}, the draft at temperature ${shortly(temperature)} with ${Math.round(100 * share)} % of the target in it`;
  return `${drafts}: token verification accepts ${token.toFixed(2)} tokens a round, block verification ${block.toFixed(2)}${more}. ${which}`;
}

/**
 * Draw the figure into `host`.
 * @param payload { title, chains: [{ name, target, draft }], k, k_max }, as specdec_lib.viz.live.verifiers makes it
 */
export function mount(host, payload) {
  const { chains, title, k_max: last } = payload;
  const name = ownName(host);
  const state = { chosen: 0, k: payload.k, temperature: 1, share: 0 };
  const set = (changes) => {
    Object.assign(state, changes);
    show();
  };
  const temperature = slider("temperature", "Temperature of the draft", { max: STEPS }, (notch) => set({ temperature: temperatureAt(notch) }));
  const share = slider("share", "Share of the target in the draft", { max: 100 }, (percent) => set({ share: percent / 100 }));
  const lengths = slider("k", "K, draft tokens a round", { min: 1, max: last }, (k) => set({ k }));
  const select = chooser(chains.map((chain) => chain.name), (chosen) => set({ chosen }));
  const said = make("p", { class: "vf-said lf-words" });
  const left = panel("Which prefixes stay", "■ with both verifiers. ▨ with block verification only; above it, how many percentage points that is.");
  const right = panel("Over the draft's temperature", "◆ token verification (dashed line). ● block verification (solid line).");

  const paint = () => {
    const chain = chains[state.chosen];
    const chances = staying(redrafted(chain, state.temperature, state.share), state.k);
    const told = chances.map(([token, block], index) => `${index + 1}: token ${token.toFixed(2)}, block ${block.toFixed(2)}`).join("; ");
    fill(left, HEIGHT, `${chain.name}. At least so many draft tokens stay, ${told}.`, (size) => bars(name, size, chances, last));
    fill(right, HEIGHT, `Accepted a round over the draft's temperature. ${said.textContent}`, (size) => curves(size, chain, state));
  };
  const show = () => {
    const chain = chains[state.chosen];
    temperature.show(notchOf(state.temperature), shortly(state.temperature));
    share.show(100 * state.share, `${Math.round(100 * state.share)} %`);
    lengths.show(state.k, String(state.k));
    said.textContent = sentence(chain, state.k, state.temperature, state.share);
    [root.dataset.token, root.dataset.block] = accepted(redrafted(chain, state.temperature, state.share), state.k).map((one) => one.toFixed(4));
    paint();
  };
  const sliders = [temperature, share, lengths];
  const actions = [make("label", {}, "Models ", select)];
  const { root } = assemble(host, { style: "specdec-verifiers", title, sliders, actions, words: said, panels: [left, right] }, paint);
  show();
}
