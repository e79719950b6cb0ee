// Lines of numbers as a chart.

const WIDE = 300, HIGH = 120, EDGE = 4;
const node = (tag, attributes, ...inner) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inner);
  return made;
};
const short = (value) => `${+value.toPrecision(3)}`;

/**
 * A figure of a line for each list of values. words: take what is read out; names: of the lines; drawn: hears what
 * place of the first line is drawn to what value, and whether a stroke begins; after: lists that go on where these end.
 */
export function lines(lists, words, names = null, drawn = null, after = []) {
  const all = [...lists, ...after].flatMap((list) => Array.from(list)).filter(Number.isFinite), low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
  const count = lists[0].length + (after.length ? after[0].length : 0), x = (i) => EDGE + i * (WIDE - 2 * EDGE) / Math.max(1, count - 1), y = (v) => HIGH - EDGE - (v - low) / span * (HIGH - 2 * EDGE);
  const line = (list, k, from, kind) => node("polyline", {class: `line${k} ${kind}`, points: Array.from(list, (v, i) => `${x(from + i).toFixed(1)},${y(v).toFixed(1)}`).join(" ")});
  const end = lists[0].length - 1, text = `${after.length ? `${after[0].length} values after ${lists[0].length}` : `${lists[0].length} values`}, ${short(low)} to ${short(high)}`;
  const chart = node("svg", {viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": text, preserveAspectRatio: "none"},
    ...lists.map((list, k) => line(list, k, 0, after.length ? "past" : "")), ...after.map((list, k) => line([lists[k][end], ...list], k, end, "")));
  words.push(text);
  if (drawn) {
    const reach = ({type, offsetX, offsetY}) => {
      const i = Math.round((offsetX / chart.clientWidth * WIDE - EDGE) / (WIDE - 2 * EDGE) * (count - 1));
      drawn(Math.min(count - 1, Math.max(0, i)), low + (HIGH - EDGE - offsetY / chart.clientHeight * HIGH) / (HIGH - 2 * EDGE) * span, type === "pointerdown");
    };
    chart.classList.add("drawn");
    chart.onpointerdown = reach;
    chart.onpointermove = (event) => event.buttons && reach(event);
  }
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  caption.textContent = names ? `${names.join(", ")}: ${text}` : text;
  figure.append(chart, caption);
  return figure;
}
