// Small drawings of figures. Each is a picture with a name; its numbers stand in the table beside it.

import { svg } from "../dom.js";

const HEIGHT = 96;
const FOOT = 16;
const WIDTH = 560;

/**
 * Bars, one for each label.
 *
 * @param {string} name  what it shows
 * @param {{ label: string, value: number, said: string }[]} bars  `said`: the value as people say it
 */
export function bars(name, bars) {
  const most = Math.max(1, ...bars.map((each) => each.value));
  const step = WIDTH / Math.max(1, bars.length);
  const every = Math.ceil(bars.length / 10);
  const drawing = frame(name);
  bars.forEach(({ label, value, said }, nth) => {
    const height = (value / most) * (HEIGHT - FOOT - 12);
    const x = nth * step + step * 0.15;
    const bar = svg("rect", { x, y: HEIGHT - FOOT - height, width: step * 0.7, height: Math.max(value ? 2 : 0, height), rx: 2, class: "bar" });
    bar.append(svg("title", {}, `${label}: ${said}`));
    drawing.append(bar);
    if (nth % every === 0) drawing.append(text(nth * step + step / 2, HEIGHT - 4, label));
    if (value && bars.length <= 10) drawing.append(text(nth * step + step / 2, HEIGHT - FOOT - height - 4, said));
  });
  return drawing;
}

/**
 * A line through the values that there are; days without one are left out of it.
 *
 * @param {string} name
 * @param {{ label: string, value: number | null, said: string }[]} points
 */
export function line(name, points) {
  const most = Math.max(1, ...points.map((each) => each.value ?? 0));
  const step = WIDTH / Math.max(1, points.length);
  const every = Math.ceil(points.length / 10);
  const drawing = frame(name);
  const places = points.flatMap(({ value }, nth) => (value === null ? [] : [{ nth, x: nth * step + step / 2, y: HEIGHT - FOOT - (value / most) * (HEIGHT - FOOT - 16) }]));
  drawing.append(svg("polyline", { points: places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "), class: "curve", fill: "none" }));
  for (const { nth, x, y } of places) {
    const point = svg("circle", { cx: x, cy: y, r: 3, class: "point" });
    point.append(svg("title", {}, `${points[nth]?.label}: ${points[nth]?.said}`));
    drawing.append(point);
    if (points.length <= 10) drawing.append(text(x, y - 6, points[nth]?.said ?? ""));
  }
  points.forEach(({ label }, nth) => nth % every === 0 && drawing.append(text(nth * step + step / 2, HEIGHT - 4, label)));
  return drawing;
}

/** @param {string} name */
function frame(name) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": name });
  drawing.append(svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT, class: "ground" }));
  return drawing;
}

/** @param {number} x @param {number} y @param {string} words */
function text(x, y, words) {
  return svg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": "middle" }, words);
}
