// The text of a step-through, as far as a step has come: a chip a token.

import { make } from "./elements.js";

const KINDS = {
  accepted: { letter: "a", label: "accepted" },
  rejected: { letter: "×", label: "rejected" },
  dropped: { letter: "–", label: "dropped behind the rejection" },
  waiting: { letter: "?", label: "drafted, not judged yet" },
  corrected: { letter: "c", label: "correction" },
  bonus: { letter: "b", label: "bonus" },
  autoregressive: { letter: "t", label: "the target's own" },
};
const PROMPT_SHOWN = 60;

/** A token as a chip: its kind is a letter and a border as well as a colour. A line that it ends, ends behind the chip. */
function chip(token, kind, current = false) {
  const { letter, label } = KINDS[kind];
  const lines = broken(token);
  const ending = token.endsWith("⏎") ? lines.pop() : null;
  const name = make("span", { class: "sd-letter", "aria-hidden": "true" }, letter);
  const told = make("span", { class: "sd-hidden" }, ` (${label}) `);
  const style = `sd-chip sd-${kind}${current ? " sd-current" : ""}`;
  return [make("span", { class: style, title: label }, ...lines, "\u2060", name, told), ending]; // no break before the letter
}

/** A text with a real line break behind each sign for one. */
const broken = (text) => text.split(/(?<=⏎)/).flatMap((part) => (part.endsWith("⏎") ? [part, make("br")] : [part]));

/** The end of the prompt, to be read as a text: its spaces are spaces. */
function promptText(prompt) {
  const text = prompt.slice(-PROMPT_SHOWN).join("").replaceAll("␣", " ");
  return make("span", { class: "sd-prompt" }, ...broken(prompt.length > PROMPT_SHOWN ? `… ${text}` : text));
}

export const emitted = (round) => [
  ...round.places.filter((place) => place.outcome === "accepted").map((place) => [place.token, "accepted"]),
  ...(round.following.kind === "ended" ? [] : [[round.following.token, round.following.kind]]),
];

/** How a drafted token stands at a step of its round. */
function standing(round, place, step) {
  return step.kind === "judge" && place <= step.place ? round.places[place].outcome : "waiting";
}

/** The prompt, the tokens emitted before this round, and the round's own as far as the step has come. */
export function textSoFar(trace, step) {
  const round = trace.rounds[step.round];
  const chips = trace.rounds.slice(0, step.round).flatMap((one) => emitted(one).flatMap(([token, kind]) => chip(token, kind)));
  if (step.kind === "settle") {
    chips.push(...emitted(round).flatMap(([token, kind]) => chip(token, kind, true)));
  } else if (step.kind === "follow") {
    const gone = round.places.filter((place) => place.outcome !== "accepted");
    chips.push(...emitted(round).flatMap(([token, kind], index) => chip(token, kind, index === step.place)));
    chips.push(...gone.flatMap((place) => chip(place.token, place.outcome)));
  } else {
    chips.push(...round.places.flatMap((place, index) => chip(place.token, standing(round, index, step), step.place === index)));
  }
  return [promptText(trace.prompt), " ", ...chips.filter(Boolean)];
}
