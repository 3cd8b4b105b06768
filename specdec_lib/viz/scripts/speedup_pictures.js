// The speedup law drawn: S over K, and the plane of c and α with the points that somebody has measured.

import { axes, clamp, draw, frame, hatching, label, path } from "./live.js";
import { neededAlpha, optimalK, speedup } from "./speedup_law.js";

const LEVELS = [1.5, 2, 3, 5];
const COLUMNS = 60; // of the plane's curves

// ---------------------------------------------------------------------------------------------- words and shapes

/** Two decimals, or three where the third says something. */
export const number = (value) => value.toFixed(3).replace(/0$/, "");
export const times = (value) => `${value.toFixed(2)}×`;
export const stated = ({ kind, speedup: gain }) => (kind === "published" ? `${gain}×` : times(gain)); // no digit that a paper has not

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

/** Slanted lines over an outline. */
const hatch = (name, outline) => [hatching(name, "pg-slant"), draw("path", { d: outline, class: "pg-hatched", fill: `url(#${name})` })];

// ---------------------------------------------------------------------------------------------- the curve

const TOPS = [1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 65];

function ticksUpTo(top) {
  const step = [0.5, 1, 2, 5, 10].find((one) => top / one <= 6) ?? 20;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
}

/** S over K, with the chosen K, the best one, and what was measured or published for the chosen point. */
export function curve(name, size, values, point, last) {
  const { alpha, k, c, slope, overhead } = values;
  const ks = Array.from({ length: last }, (_, index) => index + 1);
  const at = (one) => speedup(alpha, one, c, slope, overhead);
  const highest = Math.max(...ks.map(at), at(k), point ? point.high ?? point.speedup : 0);
  const top = TOPS.find((one) => one >= 1.08 * highest) ?? 1.1 * highest;
  const scale = frame(size, [0.4, last + 0.6], [0, top]);
  const { box, x, y } = scale;
  const labels = ks.filter((one) => last <= 8 || one === 1 || one % (box.right - box.left < 420 ? 4 : 2) === 0);
  const shapes = axes(scale, labels.map((one) => [one, one]), ticksUpTo(top).map((one) => [one, `${one}×`]), "K, draft tokens a round", "speedup S");
  const below = path([[box.left, y(1)], [box.right, y(1)], [box.right, y(0)], [box.left, y(0)]]);
  shapes.push(...hatch(name, `${below}Z`));
  shapes.push(draw("line", { class: "pg-one", x1: box.left, x2: box.right, y1: y(1), y2: y(1) }));
  const low = at(k) < 0.5; // the words keep out of the curve's way
  const corner = low ? [box.right - 6, y(1) + 17] : [box.left + 6, y(0) - 8];
  shapes.push(label(...corner, "slower than plain decoding", low ? "end" : "start"));
  shapes.push(draw("path", { class: "pg-curve lf-curve", d: path(ks.map((one) => [x(one), y(at(one))])) }));
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
function text({ box, x }, k, height, words, place = "middle") {
  const room = { start: box.right - x(k), middle: Math.min(x(k) - box.left, box.right - x(k)), end: x(k) - box.left };
  const free = room[place] > (place === "middle" ? 50 : 110) ? place : room.start > room.end ? "start" : "end";
  const shift = { start: -8, middle: 0, end: 8 }[free];
  return label(x(k) + shift, clamp(height, box.top + 10, box.bottom - 6), words, free);
}

function claim({ x, y }, point) {
  const mark = draw("path", { class: `pg-point pg-${point.kind} pg-current`, d: SHAPES[point.kind](x(point.k), y(point.speedup), 6) });
  if (point.low === null) return [mark];
  return [draw("line", { class: "pg-interval", x1: x(point.k), x2: x(point.k), y1: y(point.low), y2: y(point.high) }), mark];
}

// ---------------------------------------------------------------------------------------------- the plane

/** Border of "no K gains", and of each level of the best speedup, over c; they hang on slope and overhead alone. */
export function borders(slope, overhead, cMax) {
  const columns = Array.from({ length: COLUMNS + 1 }, (_, index) => (cMax * index) / COLUMNS);
  const of = (level) => columns.map((c) => [c, neededAlpha(level, c, slope, overhead)]);
  return { loss: of(1).map(([c, alpha]) => [c, alpha ?? 1]), levels: LEVELS.map((level) => [level, of(level).filter(([, alpha]) => alpha !== null)]) };
}

/** Costs across, acceptance up: where no K gains, what the best K gives elsewhere, the points and the chosen place. */
export function plane(name, size, values, points, selected, cMax, known) {
  const scale = frame(size, [0, cMax], [0, 1]);
  const { box, x, y } = scale;
  const cs = Array.from({ length: Math.floor(cMax * 10 + 1e-9) + 1 }, (_, index) => [index / 10, (index / 10).toFixed(1)]);
  const alphas = [0, 0.2, 0.4, 0.6, 0.8, 1].map((one) => [one, one.toFixed(1)]);
  const shapes = axes(scale, cs, alphas, "c, cost of a draft forward", "α, acceptance");
  const outline = known.loss.map(([c, alpha]) => [x(c), y(alpha)]);
  shapes.push(...hatch(name, `${path([...outline, [box.right, box.bottom], [box.left, box.bottom]])}Z`));
  shapes.push(draw("path", { class: "pg-one", d: path(outline) }));
  const [, below] = known.loss[Math.round(0.72 * COLUMNS)];
  if (below > 0.12) shapes.push(label(x(0.72 * cMax), y(Math.min(0.5, below / 2)), "no K gains"));
  for (const [level, line] of known.levels) {
    if (line.length < 2) continue;
    const [c, alpha] = line.at(-1);
    shapes.push(draw("path", { class: "pg-level", d: path(line.map(([one, needed]) => [x(one), y(needed)])) }));
    const edge = x(c) > box.right - 32;
    shapes.push(label(edge ? box.right : x(c) + 3, y(alpha) + (edge ? 28 : 13), `${level}×`, edge ? "end" : "start"));
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
