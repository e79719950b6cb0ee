// The input part of models that take text as numbers of tokens, or as one-hot codes: classes of a text, of each token,
// or what token may come next. Texts become tokens as kinds.py says.
import {button, make, run, size} from "./page.js";

const PUNCTUATION = /[!-\/:-@\x5b-\x60{-~]/g;
const SPACE = /[\t-\r\x20]+/; // what TensorFlow takes for white space
const UNKNOWN = "[UNK]";
const NEXT = 8; // likely tokens that are offered
const WRITTEN = 60; // tokens that "Write on" adds
const COOL = .6; // temperature at which it draws them: 1 as likely as the model says, less: likely ones more often

export async function open({manifest, inputs: [{name, shape}], outputs}, place) {
  const {text: {file, standardize, split, padding}, examples} = manifest.page, {labels} = manifest, vocabulary = await (await fetch(file)).json();
  const numbers = new Map(vocabulary.map((token, i) => [token, i])), whole = split === "whitespace", room = shape[1], hot = shape.length > 2;
  const next = !labels && outputs.some(({shape: sizes}) => sizes[sizes.length - 1] === vocabulary.length);
  const area = make("textarea", {id: "input", rows: 5, spellcheck: false}), told = make("small", {id: "hint"}), row = make("div", {className: "row"});
  const more = button("Write on", write, "main");
  let writing, used = [];
  area.setAttribute("aria-label", "Text");
  area.setAttribute("aria-describedby", "hint");
  area.oninput = () => {
    halt();
    run();
  };
  place.append(area, told, row);
  if (next) row.append(more);
  for (const example of examples) row.append(button(example.name, () => {
    halt();
    put(example.text);
  }));
  if (examples.length) area.value = examples[0].text;

  /** Replaces the text, and predicts. */
  function put(text) {
    area.value = text;
    area.scrollTop = area.scrollHeight;
    return run();
  }

  const add = (token) => put(area.value + (whole && area.value && !/\s$/.test(area.value) ? ` ${token}` : token));

  /** Ends what "Write on" began: whoever types goes on by hand. */
  function halt() {
    writing = null;
    more.textContent = "Write on";
  }

  async function write() {
    if (writing) return halt();
    const mine = writing = {};
    more.textContent = "Stop";
    for (let i = 0; i < WRITTEN; i++) {
      await run(); // what follows on the text as it is now
      const {likely} = part;
      if (writing !== mine) return;
      if (!likely) break;
      let left = Math.random() * likely.reduce((sum, [, share]) => sum + share ** (1 / COOL), 0);
      add((likely.find(([, share]) => (left -= share ** (1 / COOL)) < 0) || likely[0])[0]);
    }
    await run();
    if (writing === mine) halt();
  }

  const part = {
    empty: "Type a text, and the answer comes here",
    ask() {
      let text = area.value;
      if (standardize.startsWith("lower")) text = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
      if (standardize.endsWith("punctuation")) text = text.replace(PUNCTUATION, "");
      const tokens = whole ? text.split(SPACE).filter((token) => token) : [...text];
      const strange = tokens.filter((token) => !numbers.has(token)), known = numbers.has(UNKNOWN), early = next || padding === "pre";
      used = early ? tokens.slice(-room) : tokens.slice(0, room);
      part.likely = null;
      told.textContent = `${tokens.length} ${whole ? "word" : "character"}${tokens.length === 1 ? "" : "s"}${tokens.length > room ? `, of which the ${early ? "last" : "first"} ${room} count` : ` of ${room}`}`
        + (strange.length ? `. Not in the vocabulary: ${[...new Set(strange)].slice(0, 5).join(" ")}${known ? "" : ". Take that out, since this model has no token for it"}` : "");
      if (!tokens.length || strange.length && !known) return;
      const first = padding === "pre" ? room - used.length : 0, values = new Float32Array(size(shape.slice(1)));
      used.forEach((token, i) => {
        const number = numbers.has(token) ? numbers.get(token) : numbers.get(UNKNOWN);
        if (hot) values[(first + i) * shape[2] + number] = 1;
        else values[first + i] = number;
      });
      part.last = first + used.length - 1;
      part.first = first;
      return {[name]: values};
    },
    view({shape: sizes}, values, words) {
      const [, steps, width] = sizes, each = sizes.length > 2 ? width : steps;
      if (next && each === vocabulary.length) return following(sizes.length > 2 ? values.subarray(part.last * each, (part.last + 1) * each) : values, words);
      if (sizes.length < 3 || steps !== room || !labels || labels.length !== each) return;
      return make("p", {id: "tokens"}, ...used.map((token, i) => {
        const at = (part.first + i) * each, own = values.subarray(at, at + each), best = own.indexOf(Math.max(...own));
        words.push(`${token} ${labels[best]}`);
        return make("span", {}, token, make("small", {}, labels[best]));
      }));
    },
  };

  /** Buttons of the likeliest tokens, out of shares or, where they are none, of logits. */
  function following(values, words) {
    const given = Math.abs(values.reduce((a, b) => a + b) - 1) < .01 && values.every((v) => v >= 0), top = Math.max(...values);
    const raised = given ? values : values.map((v) => Math.exp(v - top)), all = raised.reduce((a, b) => a + b);
    part.likely = vocabulary.map((token, i) => [token, raised[i] / all]).filter(([token]) => token && token !== UNKNOWN).sort((a, b) => b[1] - a[1]);
    words.push(`next: ${shown(part.likely[0][0])}`);
    return [make("small", {}, "Likely next"), make("div", {className: "row", id: "next"}, ...part.likely.slice(0, NEXT).map(([token, share]) => {
      const node = button(shown(token), () => {
        halt();
        add(token);
      });
      node.append(make("small", {}, ` ${(share * 100).toFixed(0)} %`));
      return node;
    }))];
  }

  const shown = (token) => ({" ": "space", "\n": "new line", "\t": "tab"}[token] || token);
  return part;
}
