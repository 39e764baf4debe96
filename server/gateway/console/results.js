/** Results of the models as one reads, hears and keeps them. */

import { h } from "./dom.js";

/** JSON with lists of numbers on one line, and numbers no longer than one needs. */
export function plain(value) {
  const rounded = (_, part) => (typeof part === "number" ? Number(part.toPrecision(6)) : part);
  return JSON.stringify(value, rounded, 1).replace(/\[[\s\d.,e+-]*\]/g, (list) => list.replace(/\s+/g, " "));
}

/**
 * A link that saves a buffer: sound as WAV, MIDI as such, other numbers raw.
 * @param {{dtype: string, shape: number[], sample_rate: number, data: ArrayBuffer}} buffer
 */
export function saveLink(buffer, name) {
  const midi = String.fromCharCode(...new Uint8Array(buffer.data, 0, 4)) === "MThd";
  const kind = buffer.sample_rate ? "wav" : midi ? "mid" : "bin";
  const parts = kind === "wav" ? [wavHead(buffer), buffer.data] : [buffer.data];
  const file = `${name}.${kind}`;
  return h("a", { href: URL.createObjectURL(new Blob(parts)), download: file, class: "save" }, `save ${file}`);
}

function wavHead({ dtype, shape, sample_rate: rate, data }) {
  const channels = shape[1] ?? 1;
  const float = dtype === "float32";
  const bytes = float ? 4 : 2;
  const view = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + data.byteLength, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, float ? 3 : 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * bytes, true);
  view.setUint16(32, channels * bytes, true);
  view.setUint16(34, 8 * bytes, true);
  text(36, "data");
  view.setUint32(40, data.byteLength, true);
  return view.buffer;
}
