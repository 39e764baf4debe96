/** The knobs of the direction: what the director does with them, and taking them in hand. */

import { byId, h } from "./dom.js";
import { music } from "./music.js";
import { follow } from "./slider.js";

const KNOBS = ["tempo", "mode", "harmony", "arpeggio", "bass", "drums", "register", "articulation",
  "dynamics"];

let rows = {};

export function startKnobs() {
  byId("fill").addEventListener("click", () => music.ask("direct", "a fill", music.session.direct({ fill: true })));
  byId("release").addEventListener("click", () => release([]));
  music.on("session", (session) => session && build());
  music.on("direction", ({ knobs }) => {
    for (const [name, value] of Object.entries(knobs)) rows[name]?.show(value);
  });
  music.on("why", ({ held }) => {
    for (const [name, row] of Object.entries(rows)) row.hold(held.includes(name));
    showAll();
  });
}

function build() {
  rows = {};
  byId("knobs").replaceChildren(...KNOBS.map(knob));
  showAll();
}

function knob(name) {
  const input = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.5, ariaLabel: name });
  const free = h("button", { type: "button", class: "bare", title: `Hand ${name} back to the director`,
    ariaLabel: `release ${name}`, onclick: () => release([name]) }, "×");
  const element = h("div", { class: "knob" }, h("span", { class: "name", title: name }, name), input, free);
  const slider = follow(input, (value) => {
    row.hold(true);
    row.touched = performance.now();
    showAll();
    music.ask("direct", `${name} ${value.toFixed(2)}`, music.session.direct({ [name]: value }));
  });
  const row = { show: slider.show, held: false, touched: -Infinity, hold(held) {
    if (performance.now() - row.touched < 1000) return; // the server has not heard of it yet
    row.held = held;
    element.classList.toggle("held", held);
  } };
  rows[name] = row;
  return element;
}

function release(names) {
  for (const name of names.length ? names : Object.keys(rows)) {
    rows[name].touched = -Infinity;
    rows[name].hold(false);
  }
  showAll();
  music.ask("release", names.join() || "all knobs", music.session.release(names));
}

function showAll() {
  byId("release").hidden = !Object.values(rows).some((row) => row.held);
}
