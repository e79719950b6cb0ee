// What load does with files besides fetching them, loaded by the runner where a file does not come or an option asks for
// it: tells why, tries again after growing pauses, gives up on servers that say nothing, keeps files in Cache Storage.

const PAUSE = 400; // ms before the second try; each further one waits three times as long
const LONGEST = 60; // s that a server may ask to be left alone for
const NAME = "glnn"; // of the cache; what caches.delete takes
const CONTENT = "https://content.invalid/"; // where the cache has files, by the SHA-256 of what is in them

const REASONS = { // status: [code, what to do]
  401: ["unauthorized", 'it wants to know who asks. Send credentials: load(url, {fetch: {headers: {Authorization: "..."}}}), or {fetch: {credentials: "include"}}'],
  403: ["forbidden", "it does not let these credentials, or this signed address, have the file. They may have expired: ask for new ones"],
  404: ["not-found", "it has no such file. Is this a folder that glnn exported, copied whole?"],
  410: ["not-found", "the file is gone. Ask for the model's new address"],
  429: ["busy", "too many requests came from here. Wait, or give load more retries"],
  503: ["busy", "it is overloaded or under repair. Wait, or give load more retries"],
};

/** Waits until a file is worth another try, or fails with what keeps it away. */
export async function again(fail, {url, answer, error, turn, retries = 2, signal}) {
  const away = typeof location === "object" && url.origin !== location.origin, {status} = answer || {}, lacking = answer && !answer.ok;
  const wait = lacking ? asked(answer.headers.get("Retry-After")) : 0, tried = turn ? ` (${turn + 1} tries)` : "";
  if (signal && signal.aborted) fail("network", `${url}: given up`); // load throws the signal's reason instead
  if (turn >= retries || wait > LONGEST || lacking && status !== 429 && status < 500) {
    if (lacking) {
      const [code, what] = REASONS[status] || ["server", status < 500 ? "the address may be wrong. Open it in a browser" : "its own log says why"];
      fail(code, `${url}: the server answers ${status}${tried}; ${what}${wait > LONGEST ? `. It asks for ${wait} s of patience` : ""}`);
    }
    if (error === SILENT) fail("timeout", `${url}: ${error}${tried}. Give load a larger timeout, or try later`);
    const why = away ? `Is its server running, and does it let other sites read (CORS: Access-Control-Allow-Origin for ${location.origin})?` : "Is the server running? A page opened as a file cannot fetch";
    fail("network", `${url} could not be fetched (${error})${tried}. ${navigator.onLine === false ? "This browser is offline" : why}`);
  }
  if (lacking && answer.body) answer.body.cancel();
  await pause(Math.max(wait * 1000, PAUSE * 3 ** turn * (0.75 + Math.random() / 2)), signal); // by chance, so that pages do not come all at once
}

/** Seconds that a Retry-After asks for, a number or a date. */
const asked = (text) => text ? Math.max(0, Number.isFinite(+text) ? +text : (Date.parse(text) - Date.now()) / 1000 || 0) : 0;

const pause = (ms, signal) => new Promise((resolve) => {
  const end = () => {
    clearTimeout(timer);
    if (signal) signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  if (signal) signal.addEventListener("abort", end);
});

const SILENT = "the server says nothing any more";

/** As fetch, but given up where no byte comes for so many ms. */
const patient = (ms) => async (url, {signal, ...init}) => {
  const own = new AbortController(), stop = () => own.abort();
  let timer, late = false;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      late = true;
      own.abort();
    }, ms);
  };
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  };
  const told = (error) => {
    end();
    throw late ? Error(SILENT) : error;
  };
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  wait();
  const answer = await fetch(url, {...init, signal: own.signal}).catch(told), reader = answer.body.getReader();
  const body = new ReadableStream({
    async pull(into) {
      wait();
      const {done, value} = await reader.read().catch(told);
      if (!done) return into.enqueue(value);
      end();
      into.close();
    },
    cancel(why) {
      end();
      return reader.cancel(why);
    },
  });
  return new Response(body, {status: answer.status, headers: answer.headers});
};

/** Changes options of load: adds open, instead of fetch, keep, which hears of every file, and done, for when all are there. */
export async function prepare(base, options, signal, stop) {
  const {cache, timeout} = options, fetched = timeout ? patient(timeout) : (...args) => fetch(...args), ends = [];
  const store = cache && typeof caches === "object" ? await caches.open(NAME).catch(() => {}) : undefined; // insecure pages have none
  Object.assign(options, {open: fetched, done: () => Promise.all(ends.map((end) => end()))});
  if (signal) {
    const abort = () => stop(signal.reason);
    signal.addEventListener("abort", abort);
    ends.push(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) throw signal.reason;
  }
  if (cache) {
    const {onProgress} = options, held = new Set();
    let cached = 0;
    if (onProgress) options.onProgress = ({loaded, total}) => onProgress({loaded, cached: Math.min(cached, loaded), total});
    if (!store) return;
    ends.push(kept(store, base, options, held));
    const {open} = options;
    options.open = async (url, init, file) => {
      const answer = await open(url, init, file);
      if (held.has(file)) cached += file.bytes;
      return answer;
    };
  }
}

/** Has a cache keep files under their content's name, and the manifest for when the network fails. What to do at the end. */
function kept(store, base, options, held) {
  const place = `${base.origin}${base.pathname}manifest.json`, coming = `${place}?coming`, saves = [], {open, signal} = options;
  let manifest; // as it came from the server
  const listed = async (url, init) => {
    const answer = await open(url, init).catch(async (error) => {
      const old = signal.aborted ? undefined : await store.match(place);
      if (old) return Object.assign(old, {old});
      throw error;
    });
    if (answer.ok && !answer.old) {
      manifest = await answer.clone().text();
      await store.put(coming, new Response(manifest)).catch(() => {}); // so that nobody else throws its files out meanwhile
    }
    return answer;
  };
  options.open = async (url, init, file) => {
    if (!file) return listed(url, init);
    const found = await store.match(CONTENT + file.sha256), bytes = found && await found.arrayBuffer();
    if (!bytes || await sha256(bytes) !== file.sha256) return open(url, init);
    held.add(file);
    return new Response(bytes);
  };
  options.keep = (file, bytes) => {
    const save = async () => {
      if (await sha256(bytes) === file.sha256) await store.put(CONTENT + file.sha256, new Response(bytes));
    };
    if (!held.has(file)) saves.push(save().then(() => true, () => false)); // a disk may be full
  };
  return async () => {
    const all = await Promise.all(saves);
    if (manifest === undefined || !all.every(Boolean)) return;
    await store.put(place, new Response(manifest));
    await store.delete(coming);
    await swept(store);
  };
}

/** Throws out what no manifest in the cache names. */
async function swept(store) {
  const keys = (await store.keys()).map(({url}) => url), named = new Set();
  for (const url of keys) if (!url.startsWith(CONTENT)) {
    const {weights, variants} = await (await store.match(url)).json().catch(() => ({weights: {shards: []}, variants: []}));
    for (const {sha256} of [...weights.shards, ...variants.map(({plan}) => plan)]) named.add(CONTENT + sha256);
  }
  await Promise.all(keys.filter((url) => url.startsWith(CONTENT) && !named.has(url)).map((url) => store.delete(url)));
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
