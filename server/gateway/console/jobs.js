/** What the models can do with the library: call, submit, watch, cancel. */

import { byId, fillSelect, h } from "./dom.js";
import { plain, saveLink } from "./results.js";
import { music } from "./music.js";

/** @param {import("./segue.js").Segue} segue */
export function startJobs(segue) {
  const form = h("form", { class: "form" });
  const list = h("div", { "aria-live": "polite" });
  byId("jobs").append(form, list);
  segue.on("state", async (state) => {
    if (state !== "open") return;
    try {
      const [{ functions }, { items }] = await Promise.all([segue.functions(), segue.library()]);
      build(segue, form, list, functions, items);
    } catch (error) {
      form.replaceChildren(h("p", { class: "empty" }, `No models here: ${error.message}`));
    }
  });
}

function build(segue, form, list, functions, items) {
  const what = h("select", { id: "function" });
  const source = h("select", { id: "source" });
  const options = h("div", { class: "form wide" });
  const title = h("small", { class: "wide quiet" });
  fillSelect(what, functions.map((one) => one.name));
  const chosen = () => functions.find((one) => one.name === what.value);
  const choose = () => {
    const { source: kinds, options: schema, title: text } = chosen();
    const fitting = items.filter((item) => kinds.includes(item.kind));
    source.replaceChildren(...fitting.map((item) => h("option", { value: item.id }, item.title)));
    source.disabled = fitting.length === 0;
    title.textContent = text;
    options.replaceChildren(...Object.entries(schema.properties ?? {}).map(option).filter(Boolean));
  };
  what.addEventListener("change", choose);
  form.replaceChildren(h("label", {}, "function", what), h("label", {}, "on", source), title, options,
    h("button", { class: "primary" }, "Run"));
  form.onsubmit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...options.querySelectorAll("[name]")].flatMap(read));
    run(segue, list, chosen(), source, values);
  };
  if (functions.length) choose();
}

/** A field for an option, from its JSON Schema; what a field cannot hold keeps its default. */
function option([name, schema]) {
  const label = name.replaceAll("_", " ");
  const field = { name, title: schema.description ?? "" };
  if (schema.enum) {
    const select = h("select", field);
    fillSelect(select, schema.enum.map(String), String(schema.default ?? schema.enum[0]));
    return h("label", {}, label, select);
  }
  const kinds = { number: "number", integer: "number", string: "text", boolean: "checkbox", array: "text" };
  const kind = kinds[schema.type];
  if (!kind) return null;
  const input = h("input", { ...field, type: kind });
  if (kind === "checkbox") input.checked = schema.default === true;
  else input.value = schema.default ?? "";
  if (schema.type === "array") {
    input.dataset.items = schema.items?.type ?? "string";
    input.placeholder = "one, another";
  }
  if (kind === "number") input.step = schema.type === "integer" ? 1 : "any";
  return h("label", {}, label, input);
}

function read(field) {
  if (field.type === "checkbox") return [[field.name, field.checked]];
  if (field.value === "") return [];
  if (field.dataset.items) {
    const parts = field.value.split(",").map((part) => part.trim()).filter(Boolean);
    return [[field.name, field.dataset.items === "string" ? parts : parts.map(Number)]];
  }
  return [[field.name, field.type === "number" ? Number(field.value) : field.value]];
}

async function run(segue, list, { name, quick }, select, options) {
  const source = select.disabled ? {} : { library: select.value };
  const on = select.disabled ? "" : ` ${select.selectedOptions[0].textContent}`;
  const state = h("small", {}, "asked");
  const bar = h("i");
  const cancel = h("button", { type: "button", class: "bare", hidden: true }, "cancel");
  const item = h("div", { class: "item" },
    h("header", {}, h("span", {}, name + on), state, cancel), h("div", { class: "bar" }, bar));
  list.prepend(item);
  try {
    const result = quick ? await segue.call(name, source, options)
      : await watch(await segue.submit(name, source, options), state, bar, cancel);
    state.textContent = `done in ${result.seconds.toFixed(2)} s`;
    bar.style.transform = "scaleX(1)";
    item.append(...result.buffers.map((buffer, index) => saveLink(buffer, `${name}-${index}`)),
      h("pre", {}, plain(result.value)));
  } catch (error) {
    item.classList.add("failed");
    state.textContent = error.message;
  }
  cancel.hidden = true;
}

function watch(job, state, bar, cancel) {
  cancel.hidden = false;
  cancel.onclick = () => job.cancel().catch((error) => music.tell(`cancel: ${error.message}`, "refused"));
  const show = ({ share, message }) => {
    bar.style.transform = `scaleX(${share})`;
    state.textContent = message || "running";
  };
  job.on("progress", show);
  show(job.info);
  return job.result;
}
