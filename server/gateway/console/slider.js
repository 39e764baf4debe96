/** Sliders that follow the music, unless a hand is on them. */

import { throttle } from "./dom.js";

const HAND_MS = 900; // after the last touch, the music's own value shows again
const SEND_MS = 50;

/**
 * Make a range input send and follow.
 * @param {HTMLInputElement} input
 * @param {(value: number) => void} send  called while it is moved, 20 times a second at most
 * @returns {{show: (value: number) => void}} `show` sets it from the music
 */
export function follow(input, send) {
  let touched = -Infinity;
  const sendSoon = throttle(send, SEND_MS);
  const paint = () => {
    const [value, least, most] = [input.value, input.min, input.max].map(Number);
    const share = (value - least) / (most - least || 1);
    input.style.setProperty("--share", `${100 * share}%`);
  };
  input.addEventListener("input", () => {
    touched = performance.now();
    paint();
    sendSoon(Number(input.value));
  });
  paint();
  return {
    show(value) {
      if (performance.now() - touched < HAND_MS || input.matches(":active")) return;
      input.value = String(value);
      paint();
    },
  };
}
