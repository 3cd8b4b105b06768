// The panels of a step-through: the laws, the verdict, the caches and the clock at a step.

import { make } from "./elements.js";
import { emitted } from "./step_text.js";

const PHASES = ["draft", "verify", "sampling", "rollback", "other"];
const DONE_BY = { draft: 1, score: 2, judge: 3, follow: 3, settle: PHASES.length }; // phases behind a step of each kind

const heading = (title) => make("p", { class: "sd-title" }, title);

const number = (value) => {
  if (value === null) return "–";
  return value > 0 && value < 0.001 ? value.toExponential(1) : Number(value.toPrecision(3)).toString();
};
const tokens = (count) => `${count} token${count === 1 ? "" : "s"}`;
const subscript = (index) => [...String(index)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const percent = (share) => `${Math.max(0, Math.min(100, 100 * share)).toFixed(2)}%`;
const milliseconds = (ms) => (ms === 0 ? "0" : ms < 10 ? ms.toFixed(2) : ms.toFixed(1));
export const sum = (values) => values.reduce((total, value) => total + value, 0);

// ---------------------------------------------------------------------------------------------- the laws

function bar(kind, share) {
  const filled = make("span", { class: `sd-bar sd-bar-${kind}`, style: `--sd-share: ${Math.min(1, share)}` });
  return make("span", { class: "sd-track" }, filled, make("span", { class: "sd-number" }, number(share)));
}

function lawsOf(title, shares, series, marked, note) {
  const head = make("tr", {}, make("th", { scope: "col" }, "token"));
  head.append(...series.map(([key, name]) => make("th", { scope: "col" }, make("span", { class: `sd-key sd-bar-${key}` }), name)));
  const rows = shares.map((share) => {
    const chosen = share.token === marked;
    const name = make("th", { scope: "row", class: chosen ? "sd-chosen" : undefined }, chosen ? "▸ " : "", share.token);
    return make("tr", {}, name, ...series.map(([key]) => make("td", {}, bar(key, share[key]))));
  });
  const table = make("table", { class: "sd-laws" }, make("thead", {}, head), make("tbody", {}, ...rows));
  return make("section", { class: "sd-shares" }, heading(title), table, note ? make("p", { class: "sd-note" }, note) : null);
}

export function laws(trace, step) {
  const round = trace.rounds[step.round];
  const shown = trace.temperature === 0 ? "Shown at temperature 1; temperature 0 takes the likeliest." : null;
  if (step.kind === "follow" || (step.kind === "settle" && round.following.kind !== "ended")) {
    const { following } = round;
    const corrected = following.kind === "corrected" && trace.temperature !== 0;
    const series = following.kind === "corrected" ? [["p", "target p"], ["q", "draft q"]] : [["p", "target p"]];
    if (corrected) series.push(["r", "residual"]);
    const title = { corrected: "Where the correction comes from", bonus: "Where the bonus comes from" }[following.kind];
    return lawsOf(title ?? "The target's law", following.shares, series, following.token, shown);
  }
  if (!round.places.length) return make("section", {}, heading("Laws"), make("p", { class: "sd-note" }, "Nothing was drafted in this round."));
  const both = [["p", "target p"], ["q", "draft q"]];
  if (step.kind === "draft") return lawsOf("How likely the draft was to draw each", round.places, [both[1]], null, shown);
  if (step.kind === "score") return lawsOf("The drafted tokens in the eyes of both", round.places, both, null, shown);
  const place = round.places[step.place];
  return lawsOf(`Draft token ${step.place + 1} of ${round.places.length}`, place.shares, both, place.token, shown);
}

// --------------------------------------------------------------------------------------------- the verdict

function verdictLine(place, index, trace) {
  const block = trace.verifier === "block";
  const symbol = block ? `h${subscript(index + 1)}` : "min(1, p/q)";
  const passes = place.uniform < place.threshold;
  const accept = make("span", { class: "sd-below", style: `width: ${percent(place.threshold)}` });
  const draw = make("span", { class: "sd-draw", style: `left: ${percent(place.uniform)}` }, "▼");
  const line = make("div", { class: "sd-line", "aria-hidden": "true" }, accept, draw);
  const scale = make("div", { class: "sd-scale", "aria-hidden": "true" }, make("span", {}, "0"), make("span", {}, "1"));
  const relation = passes ? "<" : "≥";
  const told = `draw ${number(place.uniform)} ${relation} ${symbol} = ${number(place.threshold)}: `;
  const verdict = block ? (passes ? "passes" : "does not pass") : passes ? "accepted" : "rejected";
  return make("div", {}, line, scale, make("p", {}, told, make("strong", {}, verdict)));
}

export function verdict(trace, step) {
  const round = trace.rounds[step.round];
  const title = heading("Verdict");
  const place = step.kind === "judge" ? round.places[step.place] : null;
  if (place && place.uniform !== null) return make("section", {}, title, verdictLine(place, step.place, trace));
  if (place) {
    const same = place.outcome === "accepted";
    const told = same ? "the two models agree: " : "the two models differ: ";
    return make("section", {}, title, make("p", {}, told, make("strong", {}, same ? "accepted" : place.outcome)));
  }
  if (step.kind === "follow" || step.kind === "settle") {
    const kept = round.places.filter((one) => one.outcome === "accepted").length;
    const [drafted, emits] = [round.places.length, emitted(round).length];
    const told = `${kept} of ${drafted} drafted token${drafted === 1 ? "" : "s"} ${kept === 1 ? "stays" : "stay"}; the round emits ${emits}.`;
    return make("section", {}, title, make("p", {}, drafted ? told : "A plain step of the target."));
  }
  const waiting = step.kind === "draft" ? "The target has not looked yet." : "All rows are there; nothing has been judged yet.";
  return make("section", {}, title, make("p", { class: "sd-note" }, waiting));
}

// ---------------------------------------------------------------------------------------------- the caches

function cacheRow(name, lengths, stage, longest) {
  const [before, after, kept] = lengths;
  const now = [before, after, kept][stage];
  const solid = stage === 1 ? Math.min(before, after) : now;
  const parts = [make("span", { class: "sd-kept", style: `width: ${percent(solid / longest)}` })];
  if (stage === 1) parts.push(make("span", { class: "sd-fed", style: `width: ${percent((after - before) / longest)}` }));
  if (stage === 2 && after > kept) parts.push(make("span", { class: "sd-given", style: `width: ${percent((after - kept) / longest)}` }));
  const told = [`${before}`, `${before} → ${after}`, `${before} → ${after} → ${kept}`][stage];
  return make("div", { class: "sd-cache" }, make("span", { class: "sd-name" }, name), make("span", { class: "sd-cells", "aria-hidden": "true" }, ...parts), make("span", { class: "sd-count" }, stage === 0 ? tokens(before) : `${told} tokens`));
}

const key = (style, name) => make("span", {}, make("span", { class: `sd-key ${style}` }), name);

export function caches(trace, step) {
  const round = trace.rounds[step.round];
  const longest = Math.max(...trace.rounds.map((one) => one.target_cache[1]));
  const [target, draft] = step.kind === "draft" ? [0, 1] : step.kind === "settle" ? [2, 2] : [1, 1];
  return make(
    "section",
    {},
    heading("Caches"),
    cacheRow("target", round.target_cache, target, longest),
    cacheRow("draft", round.draft_cache, draft, longest),
    make("p", { class: "sd-legend" }, key("sd-kept", "held"), key("sd-fed", "read in this round"), key("sd-given", "given back")),
  );
}

// ---------------------------------------------------------------------------------------------- the clock

const spent = (round) => sum(Object.values(round.phases_ms));

function segment(ms, total, style, title) {
  return make("span", { class: `sd-phase ${style}`, style: `width: ${percent(ms / total)}`, title });
}

export function clock(trace, step) {
  if (!trace.rounds.some((round) => spent(round) > 0)) return null;
  const counts = trace.rounds.map((round) => emitted(round).length);
  const plain = (count) => (count ? trace.baseline_first_ms + (count - 1) * trace.baseline_ms : 0);
  const total = Math.max(sum(trace.rounds.map(spent)), trace.baseline_ms === null ? 0 : plain(sum(counts)));
  const reached = (index, phase) => index < step.round || (index === step.round && PHASES.indexOf(phase) < DONE_BY[step.kind]);
  const phases = trace.rounds.flatMap((round, index) =>
    PHASES.filter((phase) => round.phases_ms[phase]).map((phase, place) => ({ index, phase, first: place === 0, ms: round.phases_ms[phase], past: reached(index, phase) })),
  );
  const segments = phases.map(({ index, phase, first, ms, past }) =>
    segment(ms, total, `sd-${phase}${past ? "" : " sd-later"}${first ? " sd-first" : ""}`, `round ${index + 1}, ${phase}: ${milliseconds(ms)} ms`),
  );
  const count = sum(counts.slice(0, step.kind === "settle" ? step.round + 1 : step.round));
  const elapsed = sum(phases.filter(({ past }) => past).map(({ ms }) => ms));
  const rows = [timeRow("speculative", segments, `${tokens(count)} after ${milliseconds(elapsed)} ms`)];
  if (trace.baseline_ms !== null) {
    const bars = [segment(plain(count), total, "sd-plain", "autoregressive"), segment(plain(sum(counts)) - plain(count), total, "sd-plain sd-later", "")];
    rows.push(timeRow("autoregressive", bars, `${tokens(count)} after ${milliseconds(plain(count))} ms`));
  }
  const round = trace.rounds[step.round];
  const parts = PHASES.filter((phase) => round.phases_ms[phase]);
  const legend = parts.map((phase) => key(`sd-${phase}`, `${phase} ${milliseconds(round.phases_ms[phase])} ms`));
  const name = step.round === 0 ? "round 1, with the prompt:" : `round ${step.round + 1}:`;
  return make("section", {}, heading("Clock"), ...rows, make("p", { class: "sd-legend" }, name, ...legend));
}

function timeRow(name, segments, told) {
  return make("div", { class: "sd-time" }, make("span", { class: "sd-name" }, name), make("span", { class: "sd-spans", "aria-hidden": "true" }, ...segments), make("span", { class: "sd-count" }, told));
}
