/** The console: a connection, the music, and panels that show and steer it. */

import { startChooser } from "./chooser.js";
import { notice, startCommands, startLog } from "./commands.js";
import { startDecisions } from "./decisions.js";
import { all, byId, readColors } from "./dom.js";
import { startHealth } from "./health.js";
import { startJobs } from "./jobs.js";
import { startKnobs } from "./knobs.js";
import { startLayers } from "./layers.js";
import { startModels } from "./models.js";
import { startMood } from "./mood.js";
import { music } from "./music.js";
import { startRoll } from "./roll.js";
import { Segue } from "./segue.js";
import { rate, startSteer } from "./steer.js";
import { playOrPause, startTransport } from "./transport.js";

startTheme();
const segue = new Segue(undefined, { name: "console" });
const panels = [startLog, startChooser, startTransport, startRoll, startMood, startSteer, startLayers,
  startKnobs, startDecisions, startCommands, startJobs, startModels, startHealth];
for (const start of panels) start(segue);
startTabs();
startKeys();

segue.on("state", (state) => {
  byId("link").className = `link ${state}`;
  if (state === "lost") notice("The server cannot be reached; trying again …");
  if (state === "open") notice("");
});

/** The system's theme, until a person chooses. */
function startTheme() {
  const system = matchMedia("(prefers-color-scheme: light)");
  const show = () => {
    const theme = localStorage.getItem("theme") ?? (system.matches ? "light" : "dark");
    document.documentElement.dataset.theme = theme;
    readColors();
    music.emit("theme", theme);
  };
  system.addEventListener("change", show);
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
  show();
}

function startTabs() {
  const tabs = all("[role=tab]");
  const select = (chosen) => {
    for (const tab of tabs) {
      const selected = tab === chosen;
      tab.ariaSelected = String(selected);
      tab.tabIndex = selected ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    chosen.classList.remove("news");
    chosen.focus();
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) select(tabs[(index + step + tabs.length) % tabs.length]);
    });
  }
}

/** Keys for hands that are busy: space, L, + and −; not while a field is being filled. */
function startKeys() {
  const keys = { " ": playOrPause, l: () => byId("listen").click(), "+": () => rate(1), "-": () => rate(-1) };
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const busy = target.closest("input, select, button, summary, [role=application]");
    if (!music.session || busy || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
}
