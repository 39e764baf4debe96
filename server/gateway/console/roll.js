/** The piano roll: notes ahead of the sound, a playhead, bar lines, chords, sections and promises. */

import { begin, byId, colors, layerColor, seconds } from "./dom.js";
import { music } from "./music.js";

const AHEAD = 0.3; // share of the width that lies ahead of the playhead
const PIXELS_PER_SECOND = 78;
const HEAD = 40; // of section, bar numbers and chords
const KIT_ROWS = 6;
const LOW_HIGH = [48, 76]; // at least so wide

/** Lowest and highest pitch drawn, which glide after those that are there. */
const range = { low: LOW_HIGH[0], high: LOW_HIGH[1] };

export function startRoll() {
  const canvas = byId("roll");
  const draw = () => {
    if (music.session && canvas.clientWidth) drawRoll(canvas);
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  music.on("session", (session) => session || begin(canvas));
}

function drawRoll(canvas) {
  const { context, width, height } = begin(canvas);
  const frame = music.frame();
  const playhead = Math.round(width * (1 - AHEAD));
  const perFrame = PIXELS_PER_SECOND / music.sampleRate;
  const [first, last] = [frame - playhead / perFrame, frame + (width - playhead) / perFrame];
  const notes = music.notes.filter((note) => note.frame < last && note.frame + note.frames > first);
  const kitTop = height - (notes.some((note) => note.kit) ? KIT_ROWS * 9 + 10 : 0);
  const view = { context, width, height, frame, playhead, first, last, kitTop,
    x: (at) => playhead + (at - frame) * perFrame, ...glide(notes, kitTop) };
  drawLanes(view);
  drawBars(view);
  drawKit(view, notes.filter((note) => note.kit));
  drawNotes(view, notes.filter((note) => !note.kit));
  drawPlayhead(view);
  drawPromises(view);
}

function glide(notes, bottom) {
  let [low, high] = LOW_HIGH;
  for (const { pitch, kit } of notes) {
    if (!kit) [low, high] = [Math.min(low, pitch - 2), Math.max(high, pitch + 2)];
  }
  range.low += (low - range.low) * 0.06;
  range.high += (high - range.high) * 0.06;
  const row = (bottom - HEAD - 6) / (range.high - range.low + 1);
  return { row, y: (pitch) => HEAD + 4 + (range.high - pitch) * row };
}

/** Shade the black keys, name the octaves. */
function drawLanes({ context, width, y, row, kitTop }) {
  context.save();
  context.beginPath();
  context.rect(0, HEAD, width, kitTop - HEAD);
  context.clip();
  context.font = "10px system-ui, sans-serif";
  for (let pitch = Math.floor(range.low); pitch <= range.high + 1; pitch++) {
    const top = y(pitch);
    context.globalAlpha = 0.35;
    context.fillStyle = colors.raised;
    if ([1, 3, 6, 8, 10].includes(pitch % 12)) context.fillRect(0, top, width, row);
    if (pitch % 12) continue;
    context.globalAlpha = 1;
    context.fillStyle = colors.line;
    context.fillRect(0, top + row, width, 1);
    context.fillStyle = colors.quiet;
    context.fillText(`C${pitch / 12 - 1}`, 6, top + row - 3);
  }
  context.restore();
}

/** Bars with their beats, numbers and chords; sections above; the bar after what is known. */
function drawBars(view) {
  const { context, x, height, first, last, width } = view;
  const bars = music.bars.filter((bar) => bar.at_frame + music.barFrames(bar) > first);
  let section = null;
  for (const bar of bars) {
    const [left, right] = [x(bar.at_frame), x(bar.at_frame + music.barFrames(bar))];
    for (let beat = 0; beat < bar.beats; beat++) {
      context.globalAlpha = beat ? 0.45 : 1;
      context.fillStyle = colors.line;
      context.fillRect(Math.round(left + ((right - left) * beat) / bar.beats), 20, 1, height);
    }
    context.globalAlpha = 1;
    drawBarHead(view, bar, left, right);
    if (bar.section !== section?.name) section = openSection(view, section, bar, left);
  }
  if (section) nameSection(view, section, width);
  for (const { frame, name, kind } of music.marks) {
    if (frame > first && frame < last) drawFlag(view, x(frame), name, kind === "stinger" ? colors.warm : colors.quiet);
  }
  const end = bars.at(-1);
  if (end) shadeUnknown(view, x(end.at_frame + music.barFrames(end)));
}

function drawBarHead({ context }, bar, left, right) {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colors.quiet;
  context.fillText(String(bar.bar), left + 4, 34);
  const number = context.measureText(String(bar.bar)).width + 10;
  context.fillStyle = colors.text;
  context.globalAlpha = 0.75;
  bar.chords.forEach((chord, index) => {
    const place = left + ((right - left) * index) / bar.chords.length;
    context.fillText(chord, place + (index ? 4 : number), 34);
  });
  context.globalAlpha = 1;
  if (bar.fill) {
    context.fillStyle = colors.warm;
    context.fillText("fill", right - 22, 34);
  }
}

function openSection(view, before, bar, left) {
  if (before) nameSection(view, before, left);
  const { context, height } = view;
  context.fillStyle = colors.accent;
  context.globalAlpha = 0.7;
  context.fillRect(Math.round(left), 0, 2, height);
  context.globalAlpha = 1;
  return { name: bar.section, left };
}

/** The band of a section; its name stays in sight while any of it is. */
function nameSection({ context }, { name, left }, right) {
  context.fillStyle = colors.raised;
  context.fillRect(left, 0, right - left, 20);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, 20);
  context.clip();
  context.font = "600 12px system-ui, sans-serif";
  context.fillStyle = colors.accent;
  context.fillText(name, Math.max(left, 0) + 8, 14);
  context.restore();
}

function shadeUnknown({ context, width, height }, left) {
  if (left >= width) return;
  context.globalAlpha = 0.4;
  context.fillStyle = colors.raised;
  context.fillRect(left, 20, width - left, height);
  context.globalAlpha = 1;
}

function drawNotes({ context, x, y, row, frame }, notes) {
  const layers = music.session.cue.layers;
  const order = (note) => layers.indexOf(note.layer);
  for (const note of notes.toSorted((a, b) => order(a) - order(b))) {
    const index = order(note);
    // Layers on the same pitch lie in one another, so that each is seen.
    const thick = Math.max(2.5, Math.min(row * 0.9, 13) * (1 - (0.5 * Math.max(0, index)) / layers.length));
    const [left, right] = [x(note.frame), x(note.frame + note.frames)];
    const sounds = note.frame <= frame && frame < note.frame + note.frames;
    const past = note.frame + note.frames <= frame;
    const gain = music.session.position.levels[note.layer] ?? 1;
    const strength = (0.45 + 0.55 * note.loudness) * (0.2 + 0.8 * gain) * (past ? 0.55 : 1);
    const color = index < 0 ? colors.warm : layerColor(index, sounds ? 1 : strength);
    context.fillStyle = color;
    context.shadowColor = color;
    context.shadowBlur = sounds && colors.dark ? 7 : 0;
    context.beginPath();
    context.roundRect(left, y(note.pitch) + (row - thick) / 2, Math.max(2.5, right - left - 1), thick, 3);
    context.fill();
  }
  context.shadowBlur = 0;
}

/** Hits of kits: a row a drum, the deepest lowest. */
function drawKit({ context, x, kitTop, width, frame }, hits) {
  if (!hits.length) return;
  context.fillStyle = colors.line;
  context.fillRect(0, kitTop, width, 1);
  const layers = music.session.cue.layers;
  const drums = [...new Set(hits.map((hit) => hit.pitch))].sort((a, b) => b - a);
  const rows = Math.max(KIT_ROWS, drums.length);
  const row = (KIT_ROWS * 9) / rows;
  for (const hit of hits) {
    const age = (frame - hit.frame) / music.sampleRate;
    const flash = age >= 0 && age < 0.12 ? 1 - age / 0.12 : 0;
    const size = 1.6 + 2.2 * hit.loudness + 2.5 * flash;
    const strength = (0.4 + 0.6 * hit.loudness) * (age > 0.12 ? 0.6 : 1);
    context.fillStyle = layerColor(layers.indexOf(hit.layer), Math.min(1, strength + flash));
    context.beginPath();
    const place = rows - drums.length + drums.indexOf(hit.pitch);
    context.arc(x(hit.frame), kitTop + 6 + (place + 0.5) * row, size, 0, 7);
    context.fill();
  }
}

function drawPlayhead({ context, playhead, height }) {
  const glow = context.createLinearGradient(playhead - 60, 0, playhead, 0);
  glow.addColorStop(0, "transparent");
  glow.addColorStop(1, colors.accent);
  context.globalAlpha = 0.1;
  context.fillStyle = glow;
  context.fillRect(playhead - 60, 20, 60, height);
  context.globalAlpha = 1;
  context.fillStyle = colors.text;
  context.fillRect(playhead, 20, 1.5, height);
}

function drawFlag({ context, height }, left, text, color) {
  context.font = "11px system-ui, sans-serif";
  const size = context.measureText(text).width + 10;
  context.fillStyle = color;
  context.fillRect(left, HEAD, 1, height);
  context.beginPath();
  context.roundRect(left, HEAD, size, 16, [0, 3, 3, 0]);
  context.fill();
  context.fillStyle = colors.panel;
  context.fillText(text, left + 5, HEAD + 12);
}

/** Where commands will be done; those beyond the view wait at its edge. */
function drawPromises(view) {
  const { x, width, frame, context } = view;
  let row = 0;
  for (const { text, promise } of music.promises.values()) {
    const left = x(promise.scheduled_frame);
    if (left < view.playhead) continue;
    context.save();
    context.translate(0, 18 * row++);
    const wait = seconds((promise.scheduled_frame - frame) / music.sampleRate);
    const label = `${text} in ${promise.estimated ? "~" : ""}${wait}`;
    context.font = "11px system-ui, sans-serif";
    const room = context.measureText(label).width + 10;
    drawFlag(view, Math.min(left, width - room), label, colors.accent);
    context.restore();
  }
}
