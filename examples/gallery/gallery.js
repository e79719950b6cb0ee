// Opens the check of each model, one after another, in a frame that nobody sees, and tells how it came out.

const PATIENCE = 120000; // ms for one model
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const cards = [...document.querySelectorAll("li[data-model]")], button = document.getElementById("check"), told = document.getElementById("told");

for (const card of cards) {
  const note = document.createElement("small");
  note.textContent = "Not checked on this device";
  card.append(note);
}

/** What check.js found, draw by draw; raises the page's own words where it could not. */
async function checked(name) {
  const frame = Object.assign(document.createElement("iframe"), {src: `${name}/?check`, title: `Check of ${name}`, tabIndex: -1});
  frame.setAttribute("aria-hidden", "true");
  document.body.append(frame);
  try {
    for (const end = performance.now() + PATIENCE; performance.now() < end; await pause(50)) {
      const {fieldCheck, document: page} = frame.contentWindow, problem = page.querySelector("#problem:not([hidden]):not(.late)");
      if (fieldCheck) return fieldCheck.draws;
      if (page.readyState === "complete" && page.URL !== "about:blank" && !page.getElementById("name")) throw new Error("The page of this model is not there");
      if (problem) throw new Error(problem.textContent);
    }
    throw new Error("It took too long. Open the page itself");
  } finally {
    const {model} = frame.contentWindow;
    if (model) model.dispose();
    frame.remove();
  }
}

button.onclick = async () => {
  button.disabled = true;
  let wrong = 0, draws = 0;
  for (const card of cards) {
    const name = card.dataset.model, note = card.querySelector("small");
    note.textContent = "Checking";
    note.className = "";
    try {
      const rows = await checked(name), bad = rows.filter(({state}) => state === "wrong").length, equal = rows.filter(({state}) => state === "equal").length;
      draws += rows.length;
      wrong += bad;
      note.className = bad ? "bad" : "good";
      note.textContent = bad ? `${bad} of ${rows.length} draws wrong` : `${rows.length} draws as in Python, ${equal < rows.length ? `${equal} of them` : "all"} to the last bit`;
      note.append(Object.assign(document.createElement("a"), {href: `${name}/?check`, textContent: "See each draw"}));
    } catch (error) {
      wrong++;
      note.className = "bad";
      note.textContent = error.message;
    }
  }
  told.textContent = wrong ? "Something is wrong here: the cards say where." : `All is well: ${draws} draws of ${cards.length} models give here what they give in Python.`;
  button.disabled = false;
};
