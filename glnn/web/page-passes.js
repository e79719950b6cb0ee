// What the page's details show: the device, the model, and the passes with their times as a chart.
import {$, button, make, problem} from "./page.js";

const SHOWN = 400; // rows, the slowest, of models of more passes
const KB = (bytes) => bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

export async function passes(model) {
  const {manifest, plan, inputs, outputs} = model, sizes = ({name, shape}) => `${name} (${shape.join(" x ")})`;
  const facts = {
    Device: model.renderer, Variant: model.variant, In: inputs.map(sizes).join(", "), Out: outputs.map(sizes).join(", "),
    Weights: `${KB(manifest.weights.bytes)}, plan ${KB(manifest.variants.find(({name}) => name === model.variant).plan.bytes)}`,
  };
  const list = make("dl", {}, ...Object.entries(facts).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])), place = make("div");
  $("passes").replaceChildren(list, place);
  const measure = async () => place.replaceChildren(...chart(await model.profile()), make("div", {className: "row"}, button("Measure again", () => measure().catch(problem))));
  await measure();
}

/** A heading, and a table of a bar for each pass. */
function chart(all) {
  const known = all.filter(({ms}) => ms !== null), sum = known.reduce((total, {ms}) => total + ms, 0), most = Math.max(...known.map(({ms}) => ms));
  const kept = new Set([...all].sort((a, b) => b.ms - a.ms).slice(0, SHOWN)), how = all[0].method === "timer" ? "" : ", with the waiting for each";
  const rows = all.filter((pass) => kept.has(pass)).map(({pass, layer, kernel, width, height, ms}) => {
    const bar = make("i");
    bar.style.width = `${ms === null ? 0 : 100 * ms / most}%`;
    return make("tr", {}, make("td", {}, `${pass}`), make("td", {}, layer, make("small", {}, `${kernel}, ${width} x ${height}`)), make("td", {}, bar), make("td", {}, ms === null ? "?" : ms.toFixed(3)));
  });
  const head = make("tr", {}, ...["Pass", "Layer", "Time", "ms"].map((text) => make("th", {scope: "col"}, text)));
  const box = make("div", {className: "scroll", tabIndex: 0}, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Passes");
  const left = all.length - rows.length;
  return [make("h2", {}, `${all.length} pass${all.length > 1 ? "es" : ""}, ${known.length ? `${+sum.toPrecision(3)} ms${how}` : "whose times this device did not tell"}${left ? `; the ${SHOWN} slowest are shown` : ""}`), box];
}
