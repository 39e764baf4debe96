/** Latency, clocks, the page's sound, and how the server fares. */

import { begin, byId, colors, h } from "./dom.js";
import { music } from "./music.js";
import { table } from "./decisions.js";

const KEPT = 120; // pings, one a second
const trips = []; // round trips in ms
const leads = []; // by how much bars were told before they sounded, in ms
let sound = null; // the last report of the page's loudspeaker

const figure = (text, id) => h("div", {}, h("b", { id }, "–"), h("span", {}, text));

/** @param {import("./segue.js").Segue} segue */
export function startHealth(segue) {
  const canvas = h("canvas", { ariaLabel: "round trips of the last two minutes" });
  const server = h("div");
  byId("health").append(h("div", { class: "figures" },
    figure("round trip, p50", "rtt-50"), figure("round trip, p99", "rtt-99"), figure("clock offset", "offset"),
    figure("least lead of bars", "lead"), figure("sound buffered", "buffered"), figure("underruns", "underruns")),
  canvas, h("h2", {}, "Server"), server);
  segue.on("pong", ({ rttMs, offsetNs }) => {
    trips.push(rttMs);
    if (trips.length > KEPT) trips.shift();
    byId("rtt-50").textContent = `${quantile(trips, 0.5).toFixed(1)} ms`;
    byId("rtt-99").textContent = `${quantile(trips, 0.99).toFixed(1)} ms`;
    byId("offset").textContent = offsetText(offsetNs / 1e6);
    byId("link").textContent = `${quantile(trips, 0.5).toFixed(1)} ms`;
    if (!byId("health").hidden) drawTrips(canvas);
  });
  segue.on("state", (state) => { if (state !== "open") byId("link").textContent = state; });
  music.on("session", () => { leads.length = 0; });
  music.on("bar", (bar) => {
    if (bar.bar === 0) return; // begins as soon as it can
    leads.push(1000 * music.session.secondsUntil(bar.at_frame));
    if (leads.length > KEPT) leads.shift();
    byId("lead").textContent = `${Math.min(...leads.slice(-32)).toFixed(0)} ms`;
  });
  music.on("sound", (report) => { sound = report; });
  setInterval(() => {
    showSound();
    if (!byId("health").hidden && segue.state === "open") showServer(segue, server);
  }, 1000);
}

/** Clocks that count from different moments are far apart; how far, to the second, is enough. */
const offsetText = (ms) => (Math.abs(ms) < 10_000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(0)} s`);

export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function showSound() {
  if (!sound) return;
  byId("buffered").textContent = `${((1000 * sound.held) / music.sampleRate).toFixed(0)} ms`;
  byId("underruns").textContent = String(sound.underruns);
}

function drawTrips(canvas) {
  const { context, width, height } = begin(canvas);
  const highest = Math.max(4, ...trips);
  context.fillStyle = colors.accent;
  trips.forEach((trip, index) => {
    const tall = Math.max(1, (trip / highest) * (height - 14));
    context.fillRect((index * width) / KEPT, height - tall, width / KEPT - 1, tall);
  });
  context.fillStyle = colors.quiet;
  context.font = "10px system-ui, sans-serif";
  context.fillText(`${highest.toFixed(1)} ms`, 0, 9);
}

async function showServer(segue, place) {
  try {
    const { sessions, ...figures } = await segue.request("metrics");
    const lines = Object.entries(figures).map(([name, value]) => [name.replaceAll("_", " "), number(value)]);
    const own = Object.entries(sessions[music.session?.id] ?? {}).map(([name, value]) =>
      [`session: ${name.replaceAll("_", " ")}`, number(value)]);
    place.replaceChildren(table(null, [...lines, ...own]));
  } catch (error) {
    place.replaceChildren(h("p", { class: "empty" }, error.message));
  }
}

const number = (value) => (Number.isInteger(value) || typeof value === "string" ? String(value) : value.toFixed(2));
