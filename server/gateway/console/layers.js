/** Layers with their levels, mutes and activity, and the meters of the output. */

import { byId, h, layerColor } from "./dom.js";
import { music } from "./music.js";
import { follow } from "./slider.js";

const FLOOR_DB = -54;
const FALL = 0.88; // of a meter, a frame
const share = (db) => Math.max(0, Math.min(1, (db - FLOOR_DB) / -FLOOR_DB));

let rows = {};
let shownBar = null; // whose activity is shown
let metered = false; // whether the engine's own meters come

export function startLayers() {
  music.on("session", (session) => session && build(session.cue.layers));
  music.on("theme", () => music.session && tint());
  music.on("position", (position) => {
    for (const [name, level] of Object.entries(position.levels)) rows[name]?.show(level);
  });
  music.on("meter", showMeter);
  const tick = () => {
    if (music.session) showActivity();
    requestAnimationFrame(tick);
  };
  tick();
}

function build(layers) {
  rows = {};
  metered = false;
  byId("layers").replaceChildren(...layers.map(layer));
  byId("levels").replaceChildren();
  tint();
}

function tint() {
  Object.values(rows).forEach((row, index) => row.element.style.setProperty("--tint", layerColor(index)));
}

function layer(name) {
  const input = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1,
    ariaLabel: `level of ${name}` });
  const mute = h("button", { type: "button", ariaPressed: "false", ariaLabel: `mute ${name}`,
    title: "Mute" }, "M");
  const meter = h("i");
  const pips = h("span", { class: "pips", title: "activity that the director decided" });
  const element = h("div", { class: "layer" }, h("span", { class: "name", title: name }, name), pips,
    h("div", { class: "strip" }, input, h("div", { class: "bar" }, meter)), mute);
  const row = { element, meter, pips, level: 1, before: 1, shown: 0, heard: 0 };
  const ask = (level) => music.ask("level", `${name} ${level.toFixed(2)}`, music.session.level(name, level));
  const slider = follow(input, ask);
  row.show = (level) => {
    row.level = level;
    slider.show(level);
    element.classList.toggle("muted", level === 0);
    mute.ariaPressed = String(level === 0);
  };
  mute.addEventListener("click", () => {
    if (row.level > 0) row.before = row.level;
    ask(row.level > 0 ? 0 : row.before);
  });
  rows[name] = row;
  return element;
}

/** Without meters of an engine, the notes themselves tell what is sounding. */
function showActivity() {
  const frame = music.frame();
  const bar = music.barAt(frame);
  if (bar && bar !== shownBar) showPips((shownBar = bar));
  if (!metered) {
    for (const row of Object.values(rows)) row.heard = 0;
    for (const note of music.notes) {
      if (note.frame > frame) break;
      const row = rows[note.layer];
      if (row && frame < note.frame + Math.max(note.frames, 4800))
        row.heard = Math.max(row.heard, note.loudness * row.level);
    }
  }
  for (const row of Object.values(rows)) {
    row.shown = Math.max(row.heard, row.shown * FALL);
    row.meter.style.transform = `scaleX(${row.shown.toFixed(3)})`;
  }
}

/** 0 silent to 4 busy; a fill shows as busy. */
function showPips({ activity }) {
  for (const [name, row] of Object.entries(rows))
    row.pips.style.setProperty("--activity", Math.min(4, activity[name] ?? 0));
}

function showMeter(meter) {
  metered = true;
  for (const [name, db] of Object.entries(meter.layers)) if (rows[name]) rows[name].heard = share(db);
  const names = meter.peak_db.length === 2 ? ["L", "R"] : meter.peak_db.map((_, i) => String(i + 1));
  const bars = byId("levels");
  if (bars.children.length !== 3 * names.length + 1) {
    bars.replaceChildren(...names.flatMap((name) => [h("span", {}, name),
      h("div", { class: "bar" }, h("i")), h("output")]), h("span", { class: "more" }));
  }
  meter.peak_db.forEach((peak, index) => {
    const [, bar, text] = [...bars.children].slice(3 * index);
    bar.firstChild.style.setProperty("--level", `${100 * share(peak)}%`);
    text.textContent = peak <= -100 ? "−∞ dB" : `${peak.toFixed(1)} dB`;
  });
  bars.lastChild.textContent = `${meter.lufs.toFixed(1)} LUFS · ${meter.voices} voices`;
}
