/** The learned models, each with its card. */

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
  item.addEventListener("toggle", () => item.append(
    h("p", {}, content.summary ?? ""), h("pre", {}, JSON.stringify(content, null, 1))), { once: true });
  return item;
}
