// One text in two vocabularies: what a draft has said, and what of it its target is handed, token by token and by
// text. The counts are those of specdec_lib.viz.live.spellings. It asks nobody for anything.

import { make } from "./elements.js";
import { assemble, chooser, draw, fill, hatching, label, ownName, panel, slider } from "./live.js";

const [HEIGHT, STEP, CELL] = [190, 62, 26];
const WAYS = ["Token by token", "By text"];

// ---------------------------------------------------------------------------------------------- the counts

/** What the target is handed token by token: up to the first token that it lacks. */
export function byToken({ draft, shared }, said) {
  const lacking = shared.slice(0, said).indexOf(false);
  return draft.slice(0, lacking < 0 ? said : lacking);
}

/** How many of the tokens that are handed over are the target's own, from the first on. */
export function right({ target }, tokens) {
  const wrong = tokens.findIndex(([words, bytes], index) => !target[index] || target[index][0] !== words || target[index][1] !== bytes);
  return wrong < 0 ? tokens.length : wrong;
}

/** What is handed over either way. */
export const handedOver = (text, said) => [byToken(text, said), text.handed[said - 1]];

const bytesOf = (tokens) => tokens.reduce((sum, [, bytes]) => sum + bytes, 0);
const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** What became of a draft in a few words. */
function outcome(text, said, index) {
  const handed = handedOver(text, said)[index];
  const good = right(text, handed);
  const left = bytesOf(text.draft.slice(0, said)) - bytesOf(handed);
  const why = left > 0 ? (index === 0 ? "; the next is not in both" : `; ${counted(left, "byte")} held back`) : "";
  return `${counted(handed.length, "token")}, ${good} right${why}`;
}

/** Words for what is drawn: the sentence that a reader hears. */
export function sentence(text, said) {
  const ways = WAYS.map((way, index) => `${way.toLowerCase()} ${outcome(text, said, index)}`);
  return `The draft has said ${counted(said, "token")} of “${text.name}”. The target is handed: ${ways.join(". And ")}.`;
}

// ---------------------------------------------------------------------------------------------- pictures

/** Three strips over the bytes of the text: what was said, what is handed over, the target's own tokens. */
function strips(name, [width], text, said, index) {
  const unit = (width - 4) / bytesOf(text.draft);
  const handed = handedOver(text, said)[index];
  const good = right(text, handed);
  const lacks = (place) => index === 0 && !text.shared[place];
  const rows = [
    ["the draft says", text.draft, (place) => (place >= said ? "later" : lacks(place) ? "lacking" : "said")],
    [`handed over: ${outcome(text, said, index)}`, handed, (place) => (place < good ? "right" : "wrong")],
    ["the target's own tokens", text.target, () => "own"],
  ];
  const shapes = [hatching(name, "sp-slant")];
  rows.forEach(([title, tokens, kindOf], row) => {
    const y = 20 + STEP * row;
    let x = 2;
    shapes.push(label(2, y - 6, title, "start"));
    tokens.forEach(([words, bytes], place) => {
      const [kind, wide] = [kindOf(place), bytes * unit];
      const fill = kind === "wrong" ? `url(#${name})` : undefined;
      shapes.push(draw("rect", { class: `sp-${kind}`, x: x + 1, y, width: Math.max(wide - 2, 1), height: CELL, rx: 3, fill }));
      const fits = words.length * 7 < wide + 5;
      if (fits) shapes.push(draw("text", { class: "sp-words", x: x + wide / 2, y: y + 17, "text-anchor": "middle" }, words));
      x += wide;
    });
  });
  return shapes;
}

// ---------------------------------------------------------------------------------------------- the whole

/**
 * Draw the figure into `host`.
 * @param payload { title, texts: [{ name, draft, target, shared, handed }] }, as specdec_lib.viz.live.spellings makes it
 */
export function mount(host, { title, texts }) {
  const name = ownName(host);
  const state = { chosen: 0, said: Math.min(4, texts[0].draft.length) };
  const set = (changes) => {
    Object.assign(state, changes);
    state.said = Math.min(state.said, texts[state.chosen].draft.length);
    show();
  };
  const said = slider("said", "Tokens that the draft has said", { min: 1, max: texts[0].draft.length }, (value) => set({ said: value }));
  const select = chooser(texts.map((text) => text.name), (chosen) => set({ chosen, said: Infinity }));
  const words = make("p", { class: "lf-words" });
  const notes = ["Thick border: not in both vocabularies. Filled: right. Hatched: not what the target says.", "The target's tokenizer spells what was said. What may go on is held back."];
  const pictures = WAYS.map((way, index) => panel(way, notes[index]));

  const paint = () =>
    pictures.forEach((one, index) => {
      const text = texts[state.chosen];
      fill(one, HEIGHT, `${WAYS[index]}: ${outcome(text, state.said, index)}.`, (box) => strips(`${name}-${index}`, box, text, state.said, index));
    });
  const show = () => {
    const text = texts[state.chosen];
    said.row.querySelector("input").max = text.draft.length;
    said.show(state.said, `${state.said} of ${text.draft.length}`);
    words.textContent = sentence(text, state.said);
    paint();
  };
  assemble(host, { style: "specdec-spellings", title, sliders: [said], actions: [make("label", {}, "Text ", select)], words, panels: pictures }, paint);
  show();
}
