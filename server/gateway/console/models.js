/** The learned models, each with its card. */

import { table } from "./decisions.js";
import { byId, h } from "./dom.js";

/** @param {import("./segue.js").Segue} segue */
export function startModels(segue) {
  const search = h("input", { type: "search", placeholder: "search models", ariaLabel: "search models" });
  const list = h("div");
  byId("models").append(search, list);
  search.addEventListener("input", () => {
    for (const item of list.children) item.hidden = !item.dataset.words.includes(search.value.toLowerCase());
  });
  segue.on("state", async (state) => {
    if (state !== "open") return;
    try {
      const { cards } = await segue.cards();
      list.replaceChildren(...Object.entries(cards).map(card));
    } catch (error) {
      list.replaceChildren(h("p", { class: "empty" }, `No models here: ${error.message}`));
    }
  });
}

function card([name, content]) {
  const item = h("details", { class: "item" },
    h("summary", {}, h("span", {}, name), h("small", {}, content.task ?? "")));
  item.dataset.words = `${name} ${content.task ?? ""} ${content.summary ?? ""}`.toLowerCase();
  item.addEventListener("toggle", () => item.append(...details(content)), { once: true });
  return item;
}

/** What a reader asks first: how good, on what, from what, and may one use it. */
function details({ summary, metrics = [], training_data: data = [], commercial_use: use, split, ...rest }) {
  const scores = metrics.map(({ name, value, low, high, measured_on: on }) => [
    h("span", {}, name, on ? h("small", {}, ` on ${on}`) : null),
    `${short(value)}${low === undefined || low === null ? "" : ` [${short(low)}, ${short(high)}]`}`]);
  return [h("p", {}, summary ?? ""), table(null, scores),
    h("p", {}, h("small", {}, `commercial use: ${use ?? "not said"}`)),
    split ? h("p", {}, h("small", {}, `split: ${split}`)) : null,
    ...data.map(({ name, licence }) => h("p", {}, h("small", {}, `learned from ${name}: ${licence}`))),
    h("details", {}, h("summary", { class: "quiet" }, "all of the card"),
      h("pre", {}, JSON.stringify(rest, null, 1)))].filter(Boolean);
}

const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(3))) : String(value));
