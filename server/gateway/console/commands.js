/** Commands that wait, with their promises; what became of the others; and the log. */

import { byId, h, seconds } from "./dom.js";
import { music } from "./music.js";

const KEPT = 200;

export function startCommands() {
  const waiting = h("div", { "aria-live": "polite" });
  const done = h("div");
  music.on("session", () => {
    done.replaceChildren();
    byId("commands").replaceChildren(waiting, done);
    show(waiting, done);
  });
  for (const type of ["promises", "position"]) music.on(type, () => show(waiting, done));
  music.on("settled", (event) => {
    done.prepend(settled(event));
    while (done.children.length > KEPT) done.lastChild.remove();
    show(waiting, done);
  });
}

function show(waiting, done) {
  // Others' commands are known by their ids alone.
  const pending = (music.session?.position.pending ?? []).filter((id) => !music.promises.has(id));
  const own = [...music.promises].map(([id, { verb, text, promise }]) => {
    const left = (promise.scheduled_frame - music.frame()) / music.sampleRate;
    return line(id, `${verb} ${text}`, `${promise.estimated ? "about " : ""}${seconds(left)}`);
  });
  waiting.replaceChildren(...own, ...pending.map((id) => line(id, id, "waits")));
  if (!waiting.children.length && !done.children.length)
    waiting.append(h("p", { class: "empty" }, "No command waits."));
}

function line(id, text, wait) {
  const cancel = () => music.ask("cancel", text, music.session.cancel(id));
  return h("div", { class: "item waits" }, h("header", {}, h("span", {}, text), h("small", {}, wait),
    h("button", { type: "button", class: "bare", onclick: cancel }, "cancel")));
}

function settled({ type, verb, text, reason, late_frames, bar, command }) {
  const ending = type === "dropped" ? reason : late_frames ? `${late_frames} frames late` : "on time";
  return h("div", { class: `item ${type}`, title: command }, h("header", {},
    h("span", {}, `${verb} ${text}`), h("small", {}, `${ending} · bar ${bar}`)));
}

/** The log, and the newest warning for some seconds where it is seen. */
export function startLog() {
  const log = byId("log");
  log.append(h("p", { class: "empty" }, "Nothing has gone wrong."));
  let hide = 0;
  music.on("told", ({ text, kind, at }) => {
    if (log.firstElementChild.matches(".empty")) log.replaceChildren();
    log.prepend(h("div", { class: `item ${kind}` }, h("header", {}, h("span", {}, text),
      h("time", {}, at.toLocaleTimeString()))));
    while (log.children.length > KEPT) log.lastChild.remove();
    byId("tab-log").classList.add("news");
    if (kind === "dropped" || kind === "note") return;
    notice(text);
    clearTimeout(hide);
    hide = setTimeout(() => notice(""), 6000);
  });
}

/** A line over everything; empty: none. */
export function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}
