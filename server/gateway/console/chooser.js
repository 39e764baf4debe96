/** What to play: cue, director, output; open, join, close; and the page's own loudspeaker. */

import { Speaker } from "./audio.js";
import { byId, fillSelect, h } from "./dom.js";
import { music } from "./music.js";

const TIMEOUT_SECONDS = 300; // a page in the background says little
const METER_HZ = 20;
const SILENCE_MS = 3000; // without a block: this session has no sound for a page
const speaker = new Speaker();

/** @param {import("./segue.js").Segue} segue */
export function startChooser(segue) {
  byId("chooser").addEventListener("submit", (event) => {
    event.preventDefault();
    open(segue, byId("cue").value);
  });
  byId("sessions").addEventListener("change", ({ target }) => target.value && join(segue, target.value));
  byId("sessions").addEventListener("pointerdown", () => refresh(segue));
  byId("listen").addEventListener("click", () => listen(byId("listen").ariaPressed !== "true"));
  segue.on("state", (state) => state === "open" && refresh(segue));
  music.on("session", (session) => {
    document.body.classList.toggle("idle", !session);
    byId("listen").disabled = !session;
    byId("sessions").value = session?.id ?? "";
  });
  music.on("closed", ({ reason }) => {
    music.tell(`the session has ended: ${reason}`, reason === "closed" ? "note" : "lost");
    stopListening();
    music.follow(null);
    refresh(segue);
  });
  speaker.on("report", (report) => {
    const { sampleRate } = music;
    if (report.playing && music.session)
      music.lagFrames += 0.1 * (lag(report, sampleRate) - music.lagFrames);
    music.emit("sound", report);
  });
}

/** Frames by which the loudspeaker is behind the server. */
function lag(report, sampleRate) {
  const behind = music.session.frameNow() - report.frame + speaker.latencyFrames;
  return Math.min(Math.max(behind, 0), 2 * sampleRate);
}

async function refresh(segue) {
  try {
    const { cues, directors, outputs, sessions } = await segue.list();
    fillSelect(byId("cue"), cues.map((cue) => cue.name));
    fillSelect(byId("director"), directors, byId("director").value || "agent");
    fillSelect(byId("switch"), directors, music.session?.position.director);
    byId("outputs").replaceChildren(...outputs.map((value) => h("option", { value })));
    byId("sessions").replaceChildren(h("option", { value: "" }, "–"),
      ...sessions.map((id) => h("option", { value: id }, id)));
    byId("sessions").value = music.session?.id ?? "";
    byId("cues").replaceChildren(...cues.map((cue) => card(segue, cue)));
  } catch (error) {
    music.tell(error.message, "refused");
  }
}

function card(segue, cue) {
  const [slow, fast] = cue.tempo_bpm;
  return h("button", { type: "button", onclick: () => open(segue, cue.name) },
    h("b", {}, cue.title),
    h("span", {}, `${cue.key} · ${cue.meter} · ${slow} to ${fast} bpm`),
    h("span", {}, cue.sections.join(" – ")));
}

async function open(segue, cue) {
  const output = byId("output").value || "none";
  byId("open").disabled = true;
  byId("open").textContent = "Opening …";
  try {
    const session = await segue.open(cue, { director: byId("director").value, output,
      meter_hz: output === "none" ? 0 : METER_HZ, timeout_seconds: TIMEOUT_SECONDS, audio: false });
    stopListening();
    music.follow(session);
    if (output === "stream") await listen(true);
    refresh(segue);
  } catch (error) {
    music.tell(`open: ${error.message}`, "refused");
  }
  byId("open").disabled = false;
  byId("open").textContent = "Open";
}

async function join(segue, id) {
  try {
    stopListening();
    music.follow(segue.sessions.get(id) ?? (await segue.join(id)));
  } catch (error) {
    music.tell(`join: ${error.message}`, "refused");
  }
}

async function listen(on) {
  try {
    if (on) await speaker.play(music.session);
    else await speaker.stop(music.session);
    byId("listen").ariaPressed = String(on);
    if (on) setTimeout(checkSound, SILENCE_MS, music.session);
    else music.lagFrames = 0;
  } catch (error) {
    stopListening();
    music.tell(`listen: ${error.message}`, "refused");
  }
}

function checkSound(session) {
  const { position } = session;
  if (music.session !== session || position.paused || speaker.report?.frame || byId("listen").ariaPressed !== "true") return;
  music.tell("no sound comes: listen to a session that was opened with the output stream", "refused");
  stopListening();
}

function stopListening() {
  byId("listen").ariaPressed = "false";
  music.lagFrames = 0;
  speaker.stop(null);
}
