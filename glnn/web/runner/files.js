// Files: fetched with progress, checked by length and CRC-32, which works without a secure context, unlike crypto.subtle.
import {GlnnError, fail} from "./errors.js";

const VERSION = 4; // of manifest.json and of the plans

const CRC = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

export function crc32(bytes) { // for check.js too
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** What judges answers that are no file, keeps files, and gives up on servers that say nothing: see runner-files.js. */
const more = () => import("./runner-files.js");

/** What a function makes of the answer at an address. Where none comes, it is asked for again, or this fails. */
async function request(url, options, read) {
  const {open = fetch, search, signal, file, fetch: init} = options, cache = file ? "default" : "no-cache";
  for (let turn = 0; ; turn++) {
    let answer, error;
    try {
      answer = await open(url + search, {cache, ...init, signal}, file);
      if (answer.ok) return await read(answer);
    } catch (caught) {
      if (caught instanceof GlnnError) throw caught;
      error = caught.message;
    }
    const {again} = await more().catch(() => fail("network", `${url} could not be fetched (${error || answer.status}). Is the server running?`));
    await again(fail, {...options, url, answer, error, turn});
  }
}

/** The bytes of a file of the manifest, written into an array if one is given; onBytes hears of the length of each piece. */
export async function fetchBytes(base, file, {onBytes, into = new Uint8Array(file.bytes), ...options}) {
  const url = new URL(file.file, base);
  const broken = (what) => fail("bad-data", `${url}: ${what}. Copy the exported folder again, whole`);
  let size = 0;
  await request(url, {...options, file}, async ({body}) => {
    onBytes(-size); // of an earlier try
    size = 0;
    for (const reader = body.getReader(); ;) {
      const {done, value} = await reader.read();
      if (done) break;
      if (size + value.length > into.length) broken(`more than the ${into.length} bytes that the manifest states`);
      into.set(value, size);
      size += value.length;
      onBytes(value.length);
    }
    if (size !== into.length) broken(`${size} bytes of ${into.length}: truncated`);
    if (crc32(into) !== file.crc32) broken("the checksum differs from the manifest's");
    if (options.keep) options.keep(file, into);
  });
  return into;
}

async function fetchManifest(base, options) {
  const url = new URL("manifest.json", base), text = await request(url, options, (answer) => answer.text());
  const manifest = await new Response(text).json().catch(() => {});
  if (!manifest || !manifest.variants) fail("not-found", `${url} is no manifest of glnn. Give the address of a folder that glnn exported`);
  known(manifest.version, url);
  return manifest;
}

function known(version, url) {
  if (version !== VERSION) fail("bad-version", `${url} has format version ${version}; this runner reads ${VERSION}. Export again, and keep the runner.js of that export`);
}

export {fetchManifest, known, more};
