/** Sections, stingers, parameters and feedback: what a game would ask for. */

import { all, byId, h, lacks, seconds } from "./dom.js";
import { music } from "./music.js";
import { follow } from "./slider.js";

const GRIDS = ["now", "beat", "bar", "bars:2", "bars:4", "phrase", "section"];
const HOVER_MS = 140; // before it is asked what a button would do

let sliders = {};

export function startSteer() {
  byId("like").addEventListener("click", () => rate(1));
  byId("dislike").addEventListener("click", () => rate(-1));
  byId("unlearn").addEventListener("click", () =>
    music.ask("unlearn", "feedback undone", music.session.request("unlearn", {})));
  music.on("session", (session) => session && build(session));
  music.on("position", (position) => {
    for (const [name, value] of Object.entries(position.parameters)) sliders[name]?.(value);
    for (const button of byId("buttons").children)
      button.ariaCurrent = String(button.dataset.name === position.section);
  });
  music.on("promises", showWaits);
  const tick = () => {
    if (music.promises.size) showWaits();
    setTimeout(tick, 50);
  };
  tick();
}

export const rate = (value) => music.ask("feedback", value > 0 ? "liked" : "disliked", music.session.feedback(value));

function build({ cue }) {
  const before = byId("at").value || "bar";
  const markers = cue.markers.map((name) => `marker:${name}`);
  byId("at").replaceChildren(...[...GRIDS, ...markers].map((name) => h("option", {}, name)));
  byId("at").value = before;
  byId("buttons").replaceChildren(...cue.sections.map((name) => button("go", "section", name)));
  byId("stingers").replaceChildren(...cue.stingers.map((name) => button("stinger", "name", name)));
  byId("explain").replaceChildren();
  sliders = {};
  byId("parameters").replaceChildren(...Object.entries(cue.parameters).map(parameter));
}

/** A button that does something, and tells before what it would do. */
function button(verb, field, name) {
  const content = () => ({ [field]: name, at: byId("at").value });
  let timer = 0;
  const preview = () => {
    clearTimeout(timer);
    timer = setTimeout(() => explain(verb, name, content()), HOVER_MS);
  };
  const made = h("button", { type: "button", onmouseenter: preview, onfocus: preview,
    onmouseleave: () => clearTimeout(timer), onclick: () => {
      clearTimeout(timer);
      music.ask(verb, name, music.session.request(verb, content()));
    } }, name);
  Object.assign(made.dataset, { verb, name });
  return made;
}

async function explain(verb, name, content) {
  try {
    const { accepted, rule, steps } = await music.session.explain(verb, content);
    const wait = accepted.eta_seconds < 0.05 ? "at once" : `in ${seconds(accepted.eta_seconds)}`;
    byId("explain").replaceChildren(
      h("b", {}, `${name} ${accepted.estimated ? "about " : ""}${wait}, bar ${accepted.scheduled_bar}. `),
      `${rule}. ${steps.join("; ")}`);
  } catch (error) {
    byId("explain").textContent = lacks(error) ? "" : `${name}: ${error.message}`;
  }
}

/** The bar that fills under a button until what it asked for begins. */
function showWaits() {
  const now = performance.now();
  const shares = new Map();
  for (const { verb, text, promise, asked } of music.promises.values())
    shares.set(`${verb} ${text}`, Math.min(1, (now - asked) / (1000 * promise.eta_seconds)));
  for (const made of all(".chips button"))
    made.style.setProperty("--wait", shares.get(`${made.dataset.verb} ${made.dataset.name}`) ?? 0);
}

function parameter([name, [minimum, maximum, usual]]) {
  const digits = maximum - minimum > 20 ? 0 : 2;
  const value = h("output", { class: "value" });
  const input = h("input", { type: "range", min: minimum, max: maximum,
    step: (maximum - minimum) / 200, value: usual, id: `parameter-${name}` });
  const show = (number) => { value.textContent = number.toFixed(digits); };
  const slider = follow(input, (number) => {
    show(number);
    music.ask("set", `${name} ${number.toFixed(digits)}`, music.session.set({ [name]: number }));
  });
  sliders[name] = (number) => {
    slider.show(number);
    show(number);
  };
  input.addEventListener("dblclick", () => {
    input.value = usual;
    input.dispatchEvent(new Event("input"));
  });
  input.title = `${minimum} to ${maximum}, usually ${usual}; double click sets that`;
  return h("div", { class: "row" },
    h("label", { class: "name", htmlFor: input.id }, name), value, input,
    h("span", { class: "ends" }, h("span", {}, minimum), h("span", {}, maximum)));
}
