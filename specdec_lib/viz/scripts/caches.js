// What target and draft hold before a round, while it runs, and after its roll-back. The counts are those of
// specdec_lib.viz.live.caches; a test holds them against rounds that ran. It asks nobody for anything.

import { make } from "./elements.js";
import { assemble, chooser, draw, fill, hatching, label, ownName, panel, slider } from "./live.js";

const CACHES = ["preallocated", "grows by concatenation", "none"];
const [, GROWS, NONE] = CACHES;
const MODELS = ["target", "draft"];
const [SHORTEST, LONGEST, LONGEST_K] = [8, 1000, 8];
const BESIDES = 3; // cells left of the drafts; one block stands for the rows before them
const CELLS = BESIDES + LONGEST_K + 1;
const [HEIGHT, STEP, BLOCK, CELL] = [212, 64, 72, 22];
const LETTERS = { held: "·", copied: "·", computed: "●", cut: "×", missing: "?", unread: "+", room: "" };

// ---------------------------------------------------------------------------------------------- the round

/** Rows of one model before the round, at its end and after its roll-back, and what that takes. */
export function rowsOf(model, { cache, text, k, accepted, behind }) {
  const drafts = model === "draft";
  const before = text - 1 - (drafts ? behind : 0);
  const ends = drafts ? Array.from({ length: k }, (_, index) => text + index) : [text + k]; // behind each forward
  const [end, sum] = [ends.at(-1), (lengths) => lengths.reduce((total, one) => total + one, 0)];
  if (cache === NONE) return { before: 0, end, kept: 0, forwards: ends.length, computed: sum(ends), copied: 0, cut: 0 };
  const kept = Math.min(end, text + accepted);
  const copied = cache === GROWS ? sum([before, ...ends.slice(0, -1)]) : 0;
  return { before, end, kept, forwards: ends.length, computed: end - before, copied, cut: end - kept };
}

/** What stands at a position before the round (0), while it runs (1) and after its roll-back (2). */
export function kindAt(place, moment, { before, end, kept }, { cache, text, k, accepted }) {
  if (moment === 1 && place > before && place <= end) return "computed";
  if (cache === NONE) return "room";
  const [rows, tokens] = [[before, end, kept][moment], [text, text + k, text + accepted + 1][moment]];
  if (place <= rows) return moment === 1 && cache === GROWS ? "copied" : "held";
  if (moment === 2 && place <= end) return "cut";
  if (place > tokens) return "room";
  return place < tokens ? "missing" : "unread";
}

// ---------------------------------------------------------------------------------------------- pictures and words

const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const size = (bytes) => (bytes === 0 ? "0" : bytes < 2 ** 20 ? `${Math.round(bytes / 2 ** 10)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`);

/** The three moments of one model in words. */
const captions = ({ before, forwards, computed, kept, cut }) => [
  `before the round: ${counted(before, "row")}`,
  `while it runs: ${counted(computed, "row")} in ${counted(forwards, "forward")}`,
  `after it: ${counted(kept, "row")}${cut ? `, ${cut} cut back` : ""}`,
];

/** The positions at three moments, and below each where the next row goes. */
function strips(name, [width], rows, state) {
  const { cache, text, k } = state;
  const [first, step] = [text - BESIDES + 1, (width - BLOCK - 2) / CELLS];
  const x = (place) => 1 + BLOCK + (place - first) * step; // the left edge of its cell
  const cell = (place, left, wide, y, moment, words) => {
    const kind = kindAt(place, moment, rows, state);
    const fill = kind === "copied" ? `url(#${name})` : undefined;
    const shape = draw("rect", { class: `cf-${kind}`, x: left + 1, y, width: wide - 2, height: CELL, fill });
    return [shape, label(left + wide / 2, y + 16, words ?? LETTERS[kind])];
  };
  const above = [label(x(text + 1) - 6, 12, `text, ${text}`, "end"), label(x(text + 1) + 6, 12, `draft, ${k}`, "start")];
  const shapes = [hatching(name, "cf-slant"), ...above];
  shapes.push(draw("line", { class: "lf-here", x1: x(text + 1), x2: x(text + 1), y1: 0, y2: HEIGHT }));
  captions(rows).forEach((words, moment) => {
    const y = 38 + STEP * moment;
    shapes.push(label(1, y - 6, words, "start"), ...cell(first - 1, 1, BLOCK, y, moment, `1 … ${first - 1}`));
    for (let place = first; place < first + CELLS; place += 1) shapes.push(...cell(place, x(place), step, y, moment));
    const next = x([rows.before, rows.end, rows.kept][moment] + 1);
    if (cache !== NONE) shapes.push(draw("path", { class: "lf-mark", d: `M${next} ${y + CELL}l-5 9h10Z` }));
  });
  return shapes;
}

/** Words for what is drawn: the sentence that a reader hears. */
export function sentence(state) {
  const [target, draft] = MODELS.map((model) => rowsOf(model, state));
  const { cache, text, k, accepted, behind } = state;
  const given = `Cache ${cache}, text of ${counted(text, "token")}, K ${k}, ${accepted} accepted`;
  const work = `the target computes ${counted(target.computed, "row")}, the draft ${draft.computed.toLocaleString("en")}`;
  const copies = target.copied + draft.copied;
  const told = `${given}: ${work}, and ${copies ? `the caches copy ${counted(copies, "row")}` : "nothing is copied"}.`;
  if (cache === NONE) return `${told} Nothing is kept, so there is nothing to cut back.`;
  const first = behind ? " The draft was one row short: its first forward read two tokens." : "";
  if (accepted < k) return `${told}${first} The roll-back takes ${target.cut} off the target's cache and ${draft.cut} off the draft's.`;
  return `${told}${first} Nothing is cut back. The draft never read its last token: its next forward will read two.`;
}

/** The counts of both models and their sums. */
function numbers(state, bytes) {
  const both = MODELS.map((model) => ({ ...rowsOf(model, state), row: bytes[model] }));
  const line = (name, count, show = (one) => one.toLocaleString("en")) => {
    const [target, draft] = both.map(count);
    const cells = [target, draft, target + draft].map((one) => make("td", {}, show(one)));
    return make("tr", {}, make("th", { scope: "row" }, name), ...cells);
  };
  const head = ["in this round", ...MODELS, "together"].map((name) => make("th", { scope: "col" }, name));
  return [
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, line("forwards", (one) => one.forwards), line("rows computed", (one) => one.computed),
      line("rows copied", (one) => one.copied), line("bytes copied", (one) => one.copied * one.row, size),
      line("rows cut back", (one) => one.cut), line("rows held then", (one) => one.kept),
      line("bytes held then", (one) => one.kept * one.row, size)),
  ];
}

// ---------------------------------------------------------------------------------------------- the whole

/**
 * Draw the figure into `host`.
 * @param payload { title, text, k, bytes: { target, draft } }, as specdec_lib.viz.live.caches makes it
 */
export function mount(host, { title, text, k, bytes }) {
  const name = ownName(host);
  const state = { cache: CACHES[0], text, k, accepted: Math.floor(k / 2), behind: 0 };
  const set = (changes) => {
    Object.assign(state, changes);
    state.accepted = Math.min(state.accepted, state.k);
    show();
  };
  const length = slider("text", "Length of the text", { min: SHORTEST, max: LONGEST }, (value) => set({ text: value, behind: 0 }));
  const drafts = slider("k", "K, draft tokens a round", { min: 1, max: LONGEST_K }, (value) => set({ k: value }));
  const stay = slider("accepted", "Accepted draft tokens", { max: k }, (value) => set({ accepted: value }));
  const select = chooser(CACHES, (chosen) => set({ cache: CACHES[chosen] }));
  const next = make("button", { type: "button", "data-act": "next" }, "Next round");
  const longer = () => state.text + state.accepted + 1;
  next.addEventListener("click", () => set({ text: longer(), behind: Number(state.accepted === state.k) }));
  const said = make("p", { class: "lf-words" });
  const table = make("table", { class: "cf-numbers" });
  const pictures = MODELS.map((model) => panel(`The ${model}'s rows`, ""));
  const legend = "· held, hatched if copied. ● computed. × cut back: still there, but behind the pointer ▲. + the last token, not read yet. ? the draft's missing row, which its next round feeds too.";
  const sums = { section: make("section", { class: "cf-sums" }, make("p", { class: "lf-note" }, legend), table) };

  const paint = () =>
    pictures.forEach((one, index) => {
      const rows = rowsOf(MODELS[index], state);
      fill(one, HEIGHT, `The ${MODELS[index]}'s rows. ${captions(rows).join("; ")}.`, (box) => strips(`${name}-${index}`, box, rows, state));
    });
  const show = () => {
    stay.row.querySelector("input").max = state.k;
    length.show(state.text, counted(state.text, "token"));
    drafts.show(state.k, String(state.k));
    stay.show(state.accepted, String(state.accepted));
    next.disabled = longer() > LONGEST;
    said.textContent = sentence(state);
    table.replaceChildren(...numbers(state, bytes));
    paint();
  };
  const actions = [make("label", {}, "Cache ", select), next];
  assemble(host, { style: "specdec-caches", title, sliders: [length, drafts, stay], actions, words: said, panels: [...pictures, sums] }, paint);
  show();
}
