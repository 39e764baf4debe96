/** Where the music is, and how one moves it. */

import { byId, h, seconds } from "./dom.js";
import { music } from "./music.js";
import { follow } from "./slider.js";

export function startTransport() {
  const tempo = follow(byId("tempo"), (bpm) => {
    holdTempo(true);
    music.ask("tempo", `${Math.round(bpm)} bpm`, music.session.tempo(bpm));
  });
  byId("tempo-free").addEventListener("click", () => {
    holdTempo(false);
    music.ask("tempo", "tempo released", music.session.tempo(null));
  });
  byId("play").addEventListener("click", playOrPause);
  byId("close").addEventListener("click", close);
  byId("loop").addEventListener("click", loop);
  byId("seek").addEventListener("change", seek);
  byId("switch").addEventListener("change", ({ target }) =>
    music.ask("switch", `to ${target.value}`, music.session.switch(target.value)));
  music.on("session", (session) => {
    if (!session) return byId("bar").replaceChildren("–");
    const [slow, fast] = session.cue.tempo_bpm;
    Object.assign(byId("tempo"), { min: slow, max: fast, step: 0.5, disabled: slow === fast });
    holdTempo(false);
  });
  music.on("position", (position) => showPosition(position, tempo));
  const tick = () => {
    if (music.session) showPlace();
    requestAnimationFrame(tick);
  };
  tick();
}

function showPosition(position, tempo) {
  const { section, bar_in_section: since } = position;
  byId("section").replaceChildren(section, h("span", { class: "quiet" }, since ? `${since} bars in` : "begins"));
  byId("bpm").textContent = `${position.bpm.toFixed(1)} bpm`;
  byId("key").textContent = position.key;
  byId("meter").textContent = position.meter;
  tempo.show(position.bpm);
  byId("play").textContent = position.paused ? "▶" : "❚❚";
  byId("play").ariaLabel = position.paused ? "Resume" : "Pause";
  byId("loop").ariaPressed = String(position.loop_bars > 0);
  if (document.activeElement !== byId("switch")) byId("switch").value = position.director;
}

/** Bar and beat, counted from 1 as musicians do; bars from 0 as the protocol does. */
function showPlace() {
  const frame = music.frame();
  const { bar, beat, beats, share, event } = music.placeAt(frame);
  const text = `${bar}:${Math.floor(beat) + 1}`;
  if (byId("bar").textContent !== text) {
    byId("bar").textContent = text;
    const dots = Math.min(16, Math.ceil(beats));
    const lit = Math.floor(beat);
    byId("pulse").replaceChildren(...Array.from({ length: dots }, (_, index) =>
      h("i", { class: index === lit ? "on" : "" })));
  }
  if (event) {
    const left = ((1 - share) * music.barFrames(event)) / music.sampleRate;
    byId("next-bar").textContent = seconds(left);
  }
}

function holdTempo(held) {
  byId("tempo-free").hidden = !held;
}

export async function playOrPause() {
  const { session } = music;
  await music.ask("pause", "", session.position.paused ? session.resume() : session.pause());
}

async function close() {
  const { session } = music;
  const reply = await music.ask("close", "", session.close(0.5));
  if (reply?.files?.length) music.tell(`written: ${reply.files.join(", ")}`, "note");
}

function loop() {
  const bars = music.session.position.loop_bars ? 0 : Number(byId("loop-bars").value);
  music.ask("loop", bars ? `loop of ${bars} bars` : "loop ends", music.session.loop(bars, { at: "bar" }));
}

function seek({ target }) {
  if (target.value !== "") music.ask("seek", "", music.session.seek(Number(target.value)));
  target.value = "";
}
