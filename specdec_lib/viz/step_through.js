// The step-through: a recorded generation, one decision at a time. The same module draws the published figure
// and the notebook's widget. It reads what specdec_lib.viz.live.step_through makes: traces whose token texts are
// already visible, each with its steps in words. Every text enters the page as text, never as markup.

const KINDS = {
  accepted: { letter: "a", label: "accepted" },
  rejected: { letter: "×", label: "rejected" },
  dropped: { letter: "–", label: "dropped behind the rejection" },
  waiting: { letter: "?", label: "drafted, not judged yet" },
  corrected: { letter: "c", label: "correction" },
  bonus: { letter: "b", label: "bonus" },
  autoregressive: { letter: "t", label: "the target's own" },
};
const PHASES = ["draft", "verify", "sampling", "rollback", "other"];
const DONE_BY = { draft: 1, score: 2, judge: 3, follow: 3, settle: PHASES.length }; // phases behind a step of each kind
const SECONDS_A_STEP = 2;
const PROMPT_SHOWN = 60;
const LONG_PROMPT = 20;

const heading = (title) => make("p", { class: "sd-title" }, title);

/** An element with attributes, and children that are elements or texts. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const number = (value) => {
  if (value === null) return "–";
  return value > 0 && value < 0.001 ? value.toExponential(1) : Number(value.toPrecision(3)).toString();
};
const tokens = (count) => `${count} token${count === 1 ? "" : "s"}`;
const subscript = (index) => [...String(index)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const percent = (share) => `${Math.max(0, Math.min(100, 100 * share)).toFixed(2)}%`;
const milliseconds = (ms) => (ms === 0 ? "0" : ms < 10 ? ms.toFixed(2) : ms.toFixed(1));
const sum = (values) => values.reduce((total, value) => total + value, 0);

// ---------------------------------------------------------------------------------------------- the text

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

const emitted = (round) => [
  ...round.places.filter((place) => place.outcome === "accepted").map((place) => [place.token, "accepted"]),
  ...(round.following.kind === "ended" ? [] : [[round.following.token, round.following.kind]]),
];

/** How a drafted token stands at a step of its round. */
function standing(round, place, step) {
  return step.kind === "judge" && place <= step.place ? round.places[place].outcome : "waiting";
}

/** The prompt, the tokens emitted before this round, and the round's own as far as the step has come. */
function textSoFar(trace, step) {
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

function laws(trace, step) {
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

function verdict(trace, step) {
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

function caches(trace, step) {
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

function clock(trace, step) {
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

// ------------------------------------------------------------------------------------------- the transcript

function transcript(trace) {
  const rounds = trace.rounds.map((_, index) => {
    const sentences = trace.steps.filter((step) => step.round === index).map((step) => step.text);
    return make("li", {}, sentences.join(" "));
  });
  return make("details", { class: "sd-transcript" }, make("summary", {}, "Transcript"), make("ol", { tabindex: "0", "aria-label": "transcript" }, ...rounds));
}

// ------------------------------------------------------------------------------------------- the controls

/** A select for each property in which the traces differ; picking a combination that was not recorded takes the nearest. */
function chooser(traces, choose) {
  const names = Object.keys(traces[0].choice).filter((name) => new Set(traces.map((trace) => trace.choice[name])).size > 1);
  const selects = names.map((name) => {
    const values = [...new Set(traces.map((trace) => trace.choice[name]))];
    const select = make("select", { "data-choice": name }, ...values.map((value) => make("option", { value }, value)));
    select.addEventListener("change", () => choose(nearest(name)));
    return select;
  });
  const nearest = (changed) => {
    const wanted = Object.fromEntries(selects.map((select) => [select.dataset.choice, select.value]));
    const fit = (trace) => sum(names.map((name) => (trace.choice[name] === wanted[name] ? (name === changed ? names.length : 1) : 0)));
    return traces.indexOf([...traces].sort((one, other) => fit(other) - fit(one))[0]);
  };
  const show = (trace) => selects.forEach((select) => (select.value = trace.choice[select.dataset.choice]));
  const row = make("div", { class: "sd-choose" }, ...selects.map((select) => make("label", {}, `${select.dataset.choice} `, select)));
  return { row: names.length ? row : null, show };
}

function controls(act) {
  const button = (name, symbol, label) => {
    const element = make("button", { type: "button", "aria-label": label, title: label, "data-act": name }, symbol);
    element.addEventListener("click", () => act(name));
    return element;
  };
  const slider = make("input", { type: "range", min: "0", step: "1", "aria-label": "step", class: "sd-slider" });
  const play = button("play", "Play", "play");
  const buttons = [button("first", "|◀", "first step"), button("back", "◀", "one step back"), play, button("forward", "▶", "one step forward"), button("last", "▶|", "last step")];
  const place = make("span", { class: "sd-number", "aria-hidden": "true" });
  return { row: make("div", { class: "sd-controls" }, ...buttons, slider, place), slider, play, place };
}

const KEYS = { ArrowRight: "forward", ArrowLeft: "back", PageDown: "next", PageUp: "previous", Home: "first", End: "last" };

// ---------------------------------------------------------------------------------------------- the whole

/**
 * Draw the step-through into `host`. Returns { go(step), select(trace), stop() }; `onStep(step, trace)` hears of moves.
 * @param payload { title, traces }, as specdec_lib.viz.live.step_through.payload makes it
 */
export function mount(host, payload, onStep = () => {}) {
  const { traces } = payload;
  let chosen = 0;
  let at = 0;
  let timer = null;

  const last = () => traces[chosen].steps.length - 1;
  const startOf = (round) => traces[chosen].steps.findIndex((step) => step.round === round);
  const moves = {
    first: () => 0,
    back: () => at - 1,
    forward: () => at + 1,
    last,
    next: () => (startOf(traces[chosen].steps[at].round + 1) < 0 ? last() : startOf(traces[chosen].steps[at].round + 1)),
    previous: () => (startOf(traces[chosen].steps[at].round) === at ? Math.max(0, startOf(Math.max(0, traces[chosen].steps[at].round - 1))) : startOf(traces[chosen].steps[at].round)),
  };

  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-label", "play");
  };
  const start = () => {
    if (at === last()) go(0);
    timer = setInterval(() => (at < last() && host.isConnected ? go(at + 1) : stop()), 1000 * SECONDS_A_STEP);
    play.textContent = "Pause";
    play.setAttribute("aria-label", "pause");
  };
  const act = (name) => {
    if (name === "play") return timer === null ? start() : stop();
    stop();
    go(moves[name]());
  };
  const go = (step) => {
    at = Math.max(0, Math.min(last(), step));
    draw();
    onStep(at, chosen);
  };
  const select = (index) => {
    stop();
    chosen = index;
    go(0);
  };

  const choose = chooser(traces, select);
  const { row, slider, play, place } = controls(act);
  const said = make("p", { class: "sd-said", "aria-live": "polite" });
  const text = make("p", { class: "sd-text", tabindex: "0", role: "group", "aria-label": "text so far" });
  const panels = make("div", { class: "sd-panels" });
  const words = make("div", {});
  const caption = make("p", { class: "sd-note" });
  const help = make("p", { class: "sd-note" }, "Keys: ← → a step, Page Up and Page Down a round, Home and End.");
  const root = make("div", { class: "specdec-steps", role: "group", tabindex: "-1", "aria-label": payload.title });
  root.append(...[choose.row, row, said, text, panels, caption, help, words].filter(Boolean));

  const draw = () => {
    const trace = traces[chosen];
    const step = trace.steps[at];
    choose.show(trace);
    slider.max = String(last());
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", `step ${at + 1} of ${last() + 1}, round ${step.round + 1} of ${trace.rounds.length}`);
    place.textContent = `${at + 1} / ${last() + 1}`;
    root.dataset.round = String(step.round + 1);
    root.dataset.rounds = String(trace.rounds.length);
    said.textContent = step.text;
    caption.textContent = trace.caption;
    panels.replaceChildren(...[laws, verdict, caches, clock].map((panel) => panel(trace, step)).filter(Boolean));
    text.replaceChildren(...textSoFar(trace, step));
    text.classList.toggle("sd-long", trace.prompt.length > LONG_PROMPT);
    text.scrollTop = text.scrollHeight;
    if (words.dataset.trace !== String(chosen)) {
      words.replaceChildren(transcript(trace));
      words.dataset.trace = String(chosen);
    }
  };

  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });
  root.addEventListener("keydown", (event) => {
    const name = KEYS[event.key];
    if (!name || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select, .sd-transcript")) return;
    event.preventDefault();
    event.stopPropagation(); // neither the page nor a notebook moves with it
    act(name);
  });

  host.replaceChildren(root); // first, or there is nothing yet whose end could be scrolled to
  draw();
  return { go, select, stop };
}

/** The notebook's widget: `payload` comes from Python, `step` and `trace` go both ways. */
function render({ model, el }) {
  let view = null;
  const open = () => {
    view?.stop();
    view = mount(el, model.get("payload"), (step, trace) => {
      model.set({ step, trace });
      model.save_changes();
    });
  };
  open();
  model.on("change:payload", open);
  model.on("change:step", () => view.go(model.get("step")));
  return () => view.stop();
}

export default { render };
