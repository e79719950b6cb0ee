// Files: fetched with progress, checked by length and CRC-32, which works without a secure context, unlike crypto.subtle.
import {fail} from "./errors.js";

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

async function request(url, signal) {
  const response = await fetch(url, {signal}).catch((error) => fail("network", `${url} could not be fetched (${error.message}). Is the server running? A page opened as a file cannot fetch`));
  if (!response.ok) fail("not-found", `${url}: the server answers ${response.status}. Is this a folder that glnn exported, copied whole?`);
  return response;
}

/** The bytes of a file of the manifest, written into `into` if given; onBytes hears of each piece. */
export async function fetchBytes(base, file, {signal, onBytes = () => {}, into = new Uint8Array(file.bytes)}) {
  const url = new URL(file.file, base);
  const broken = (what) => fail("bad-data", `${url}: ${what}. Copy the exported folder again, whole`);
  const reader = (await request(url, signal)).body.getReader();
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read().catch((error) => fail("network", `${url}: the transfer broke off (${error.message})`));
    if (done) break;
    if (size + value.length > into.length) broken(`more than the ${into.length} bytes that the manifest states`);
    into.set(value, size);
    size += value.length;
    onBytes(value.length);
  }
  if (size !== into.length) broken(`${size} bytes of ${into.length}: truncated`);
  if (crc32(into) !== file.crc32) broken("the checksum differs from the manifest's");
  return into;
}

async function fetchManifest(base) {
  const url = new URL("manifest.json", base), manifest = await (await request(url)).json().catch(() => {});
  if (!manifest || !manifest.variants) fail("not-found", `${url} is no manifest of glnn. Give the address of a folder that glnn exported`);
  known(manifest.version, url);
  return manifest;
}

function known(version, url) {
  if (version !== VERSION) fail("bad-version", `${url} has format version ${version}; this runner reads ${VERSION}. Export again, and keep the runner.js of that export`);
}

export {fetchManifest, known};
