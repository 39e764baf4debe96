/** Small helpers for elements, numbers and canvases. */

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** All elements that match. @param {string} selector @returns {any[]} */
export const all = (selector) => [...document.querySelectorAll(selector)];

/**
 * An element: `h("li", { class: "done", onclick: f }, "text", other)`. Properties of an element are
 * set as such, everything else becomes an attribute; children that are null are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Options of a select, the chosen one kept where it is still there. */
export function fillSelect(select, names, chosen = select.value) {
  select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
  if (names.includes(chosen)) select.value = chosen;
}

/** At most one call in `ms`; the last arguments count, and none is lost. */
export function throttle(call, ms) {
  let waiting = null;
  let last = -Infinity;
  return (...values) => {
    const send = () => {
      last = performance.now();
      waiting = null;
      call(...values);
    };
    clearTimeout(waiting);
    const rest = last + ms - performance.now();
    if (rest <= 0) send();
    else waiting = setTimeout(send, rest);
  };
}

/** A signed number with two places, and a real minus. */
export const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;

/** Seconds as one reads them: 0.4 s, 12 s, 3:05. */
export function seconds(value) {
  if (value < 10) return `${Math.max(0, value).toFixed(1)} s`;
  if (value < 60) return `${Math.round(value)} s`;
  return `${Math.floor(value / 60)}:${String(Math.round(value) % 60).padStart(2, "0")}`;
}

/** The canvas's context at the screen's resolution, cleared; drawing is in CSS pixels. */
export function begin(canvas) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The page's colours by their names in style.css; read anew when the theme changes. */
export const colors = {};

export function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["panel", "raised", "line", "text", "quiet", "accent", "warm", "bad", "felt"])
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  colors.dark = style.getPropertyValue("--dark").trim() === "1";
}

const HUES = [195, 75, 300, 145, 25, 250, 110, 340, 50, 220]; // apart from one another, in turn

/** The colour of the n-th layer, 1 at full strength, 0 near the ground; never seen through. */
export function layerColor(index, strength = 1) {
  const light = colors.dark ? 0.3 + 0.5 * strength : 0.93 - 0.35 * strength;
  const chroma = 0.13 * (0.25 + 0.75 * strength);
  return `oklch(${light.toFixed(3)} ${chroma.toFixed(3)} ${HUES[index % HUES.length]})`;
}

/** Whether an error says that this server lacks a part, not that something is wrong. */
export const lacks = (error) => ["unknown_type", "unavailable"].includes(error.code);
