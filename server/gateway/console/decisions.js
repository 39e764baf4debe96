/** Bar by bar: what the director decided, and why. */

import { byId, h, lacks, signed } from "./dom.js";
import { music } from "./music.js";

const KEPT = 60;
const TOLD_BY_KNOBS = 0.05; // a change of a knob that is worth a word

let knobsBefore = {};
let explains = true; // whether this server answers `why`

export function startDecisions() {
  music.on("session", () => {
    byId("decisions").replaceChildren(h("p", { class: "empty" }, "Decisions come with the bars."));
    knobsBefore = {};
    explains = true;
  });
  music.on("direction", (event) => {
    const changes = Object.entries(event.knobs)
      .map(([name, value]) => ({ name, change: value - (knobsBefore[name] ?? value) }))
      .filter(({ change }) => Math.abs(change) > TOLD_BY_KNOBS)
      .sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
    knobsBefore = event.knobs;
    decided(event, changes);
  });
}

async function decided(event, changes) {
  const { session } = music;
  let why = null;
  try {
    if (explains) why = await session.why();
  } catch (error) {
    explains = !lacks(error);
  }
  if (music.session !== session) return;
  if (why) music.emit("why", why);
  const moved = changes.map(({ name, change }) => `${name} ${signed(change)}`).join(", ");
  // What `why` tells is of the bar that sounds; it stands with the bar it belongs to.
  const place = why ?? { bar: event.bar, section: music.barAt(event.at_frame)?.section ?? "" };
  add(place, why?.reason || moved || "as before", why ?? event);
}

function add(place, reason, source) {
  const list = byId("decisions");
  if (list.firstElementChild?.matches(".empty")) list.replaceChildren();
  const item = h("details", { class: "item" },
    h("summary", {}, h("span", {}, reason), h("small", {}, `${place.section} ${place.bar}`)),
    moods(source));
  item.addEventListener("toggle", () => fill(item, source), { once: true });
  const newest = list.firstElementChild;
  if (newest?.dataset.bar === String(place.bar)) newest.remove();
  item.dataset.bar = place.bar;
  list.prepend(item);
  while (list.children.length > KEPT) list.lastChild.remove();
}

function moods({ wanted, heard, felt, director }) {
  const mood = ({ valence, arousal }) => `${signed(valence)} ${signed(arousal)}`;
  return h("small", {}, `${director}: wanted ${mood(wanted)}, heard ${mood(heard)}, felt ${mood(felt)}`);
}

/** Inputs and alternatives, made when somebody looks. */
function fill(item, { knobs, inputs = {}, alternatives = [] }) {
  const directors = alternatives.map(({ director }) => director);
  if (directors.length || Object.keys(knobs).length) {
    item.append(table(["", "decided", ...directors], Object.entries(knobs).map(([name, value]) =>
      [name, value.toFixed(2), ...alternatives.map((other) => other.knobs[name]?.toFixed(2) ?? "")])));
  }
  if (Object.keys(inputs).length) {
    item.append(h("h2", {}, "what it saw"),
      table(null, Object.entries(inputs).map(([name, value]) => [name.replaceAll("_", " "), signed(value)])));
  }
}

export function table(head, lines) {
  const row = (cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)));
  return h("table", {}, head ? row(head) : null, lines.map(row));
}
