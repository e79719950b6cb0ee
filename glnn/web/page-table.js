// The input part of all other models: numbers in fields, or in rows of a text as spreadsheets give and take them.
import {button, make, problem, run, size, solved} from "./page.js";
import {lines} from "./page-chart.js";

const FIELDS = 40; // numbers that get a field each
const TYPED = 5000; // numbers that a browser edits as a text without pain

export function open({manifest, inputs, outputs}, place) {
  const {examples, columns} = manifest.page, row = make("div", {className: "row"}), entries = {};
  let changes = 0; // of what is given, by whatever way
  for (const type of ["click", "input", "paste", "pointerdown"]) place.addEventListener(type, () => changes++);
  for (const [at, tensor] of inputs.entries()) entries[tensor.name] = entry(tensor, inputs.length > 1, at ? null : columns);
  const fill = (values) => inputs.forEach(({name}, i) => entries[name].put(values[i]));
  for (const {name, values} of examples) row.append(button(name, () => (fill(values), run())));
  if (!examples.length) row.append(button("Random values", () => {
    fill(inputs.map(({shape}) => Array.from({length: size(shape.slice(1))}, () => Math.random())));
    run();
  }));
  if (inputs.length < 2) row.append(opener());
  place.append(row);
  if (examples.length) fill(examples[0].values);

  /** What shows an input and takes it: {put, get}; get gives values, or nothing as long as some are missing. */
  function entry({name, shape: [, ...sizes]}, several, names) {
    const count = size(sizes), width = sizes.length > 1 ? sizes[sizes.length - 1] : 1, title = several ? [make("h2", {}, name)] : [];
    if (sizes.length < 2 && count <= FIELDS) return fields(name, count, names, title);
    const chart = make("div", {className: "chart"}), told = make("small", {}), area = make("textarea", {id: several ? "" : "input", rows: 4, spellcheck: false, placeholder: "0.5, 1.2"});
    let values, last;
    const look = () => {
      const words = numbers(area.value), bad = words.find((word) => !Number.isFinite(+word));
      values = !bad && words.length === count ? Float32Array.from(words) : undefined;
      told.textContent = bad ? `${bad} is no number` : `${words.length} of ${count} numbers${sizes.length > 1 ? `, ${sizes.join(" x ")}` : ""}`;
      draw();
    };
    const draw = () => chart.replaceChildren(...values && sizes.length < 3 && width <= 8 && count > 3 ? [lines(rows(values, width), [], names, drawn)] : []);
    // A chart of one line is drawn with the pointer, too.
    const drawn = width > 1 ? null : (i, value, begins) => {
      const [j, from] = begins || !last ? [i, value] : last; // what a quick hand passes over lies on the line between
      last = [i, value];
      put(values.map((old, k) => (k - i) * (k - j) > 0 ? old : +(k === i ? value : value + (from - value) * (k - i) / (j - i)).toPrecision(4)));
      run();
    };
    const put = (given) => {
      const own = Array.from(given, (v) => +v.toPrecision(6));
      area.value = Array.from({length: count / width}, (_, i) => own.slice(i * width, (i + 1) * width).join(", ")).join(width > 1 ? "\n" : ", ");
      if (count > TYPED) area.value = "";
      values = Float32Array.from(given);
      told.textContent = `${count} numbers${sizes.length > 1 ? `, ${sizes.join(" x ")}` : ""}`;
      draw();
    };
    area.setAttribute("aria-label", several ? name : "Values");
    area.hidden = count > TYPED;
    area.oninput = () => {
      look();
      run();
    };
    place.append(...title, chart, area, told);
    look();
    return {put, get: () => values};
  }

  function fields(name, count, names, title) {
    const made = Array.from({length: count}, (_, i) => make("input", {type: "number", step: "any", inputMode: "decimal", required: true, oninput: run}));
    made.forEach((field, at) => (field.onpaste = (event) => { // a row of a spreadsheet fills this field and those after it
      const words = numbers(event.clipboardData.getData("text"));
      if (words.length < 2) return;
      event.preventDefault();
      words.slice(0, count - at).forEach((word, i) => (made[at + i].value = word));
      run();
    }));
    place.append(...title, make("div", {className: "fields"}, ...made.map((field, i) => make("label", {}, names ? names[i] : `${name} ${count > 1 ? i : ""}`, field))));
    return {
      put: (values) => made.forEach((field, i) => (field.value = +(+values[i]).toPrecision(6))),
      get: () => made.every((field) => field.value !== "") ? Float32Array.from(made, (field) => +field.value) : undefined,
    };
  }

  function opener() {
    const file = make("input", {type: "file", id: "file", accept: ".csv,.tsv,.txt,text/plain,text/csv"}), [{name, shape}] = inputs, count = size(shape.slice(1));
    file.onchange = async () => {
      const [given] = file.files, mine = ++changes;
      file.value = ""; // so that the same file can be chosen again
      if (!given) return;
      const words = numbers(await given.text()), bad = words.find((word) => !Number.isFinite(+word));
      if (mine !== changes) return; // something else was given while it was read
      if (bad || words.length !== count) return problem(`${given.name}: ${bad ? `${bad} is no number` : `${words.length} numbers, ${count} wanted`}. Give a text file of numbers alone, with commas, spaces or lines between them.`);
      solved();
      fill([words.map(Number)]);
      run();
    };
    return make("label", {className: "file"}, "Open a file", file);
  }

  return {
    empty: "Fill in the numbers, and the answer comes here",
    ask() {
      const given = Object.fromEntries(inputs.map(({name}) => [name, entries[name].get()]));
      if (Object.values(given).every((values) => values)) return given;
    },
    view({shape: [, ...sizes]}, values, words, given) {
      const width = sizes.length > 1 ? sizes[1] : 1, [{name, shape: [, ...own]}] = inputs;
      if (sizes.length > 2 || values.length < 4 || width > 8 || manifest.labels && manifest.labels.length === values.length) return;
      if (sizes.length < 2 && (own.length < 2 || values.every((v) => v >= 0 && v <= 1) && values.length <= FIELDS)) return;
      // What follows a series of so many columns is drawn after it.
      if (own.length === 2 && own[1] === width && sizes[0] !== own[0]) return lines(rows(given[name], width), words, null, null, rows(values, width));
      return lines(rows(values, width), words);
    },
  };
}

const numbers = (text) => text.split(/[\s,;]+/).filter((word) => word);

/** The columns of row-major values. */
const rows = (values, width) => Array.from({length: width}, (_, k) => Array.from({length: values.length / width}, (_, i) => values[i * width + k]));
