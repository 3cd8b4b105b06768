// The step-through: a recorded generation, one decision at a time. The same module draws the published figure
// and the notebook's widget. It reads what specdec_lib.viz.live.step_through makes: traces whose token texts are
// already visible, each with its steps in words. Every text enters the page as text, never as markup.

import { make } from "./elements.js";
import { caches, clock, laws, sum, verdict } from "./step_panels.js";
import { textSoFar } from "./step_text.js";

const SECONDS_A_STEP = 2;
const LONG_PROMPT = 20;

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
 * @param payload { title, traces }, as specdec_lib.viz.live.step_through.steps_payload makes it
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
