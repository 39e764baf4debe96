/** The mood plane: wanted, heard and felt, with where they came from; drag to ask. */

import { begin, byId, colors, signed, throttle } from "./dom.js";
import { music } from "./music.js";
import { follow } from "./slider.js";

const TRAIL = 48; // points, a quarter of a second apart
const STEP = 0.05; // of the arrow keys
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const trails = { felt: [], heard: [], wanted: [] };
let asked = null; // what a person asks for: {valence, arousal}

export function startMood() {
  const canvas = byId("plane");
  const tension = follow(byId("tension"), (value) => ask({ tension: value }));
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  for (const kind of ["pointerdown", "pointermove"])
    canvas.addEventListener(kind, (event) => event.buttons & 1 && drag(canvas, event));
  canvas.addEventListener("keydown", nudge);
  byId("mood-free").addEventListener("click", () => {
    hold(null);
    music.ask("mood", "mood released", music.session.mood({}));
  });
  music.on("session", (session) => {
    hold(null);
    for (const trail of Object.values(trails)) trail.length = 0;
    if (session) draw(canvas, session.position);
    else begin(canvas);
  });
  music.on("position", (position) => {
    for (const [name, trail] of Object.entries(trails)) {
      trail.push(position[name]);
      if (trail.length > TRAIL) trail.shift();
    }
    tension.show(position.wanted.tension);
    draw(canvas, position);
  });
  new ResizeObserver(() => music.session && draw(canvas, music.session.position)).observe(canvas);
}

function square(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const size = Math.min(width, height) - 8;
  return { size, left: (width - size) / 2, top: (height - size) / 2 };
}

function drag(canvas, event) {
  const { size, left, top } = square(canvas);
  const clamp = (value) => Math.max(-1, Math.min(1, value));
  point({ valence: clamp((2 * (event.offsetX - left)) / size - 1),
    arousal: clamp(1 - (2 * (event.offsetY - top)) / size) });
}

function nudge(event) {
  const arrow = ARROWS[event.key];
  if (!arrow || !music.session) return;
  event.preventDefault();
  const { valence, arousal } = asked ?? music.session.position.wanted;
  const clamp = (value) => Math.max(-1, Math.min(1, value));
  point({ valence: clamp(valence + STEP * arrow[0]), arousal: clamp(arousal + STEP * arrow[1]) });
}

function point(mood) {
  if (!music.session) return;
  hold(mood);
  ask(mood);
  draw(byId("plane"), music.session.position);
}

const ask = throttle((mood) => {
  byId("mood-free").hidden = false;
  const text = Object.entries(mood).map(([axis, value]) => `${axis} ${signed(value)}`).join(", ");
  music.ask("mood", text, music.session.mood(mood, { ramp_seconds: 0.2 }));
}, 60);

function hold(mood) {
  asked = mood;
  byId("mood-free").hidden = !mood;
}

function draw(canvas, position) {
  const { context } = begin(canvas);
  const { size, left, top } = square(canvas);
  const x = (valence) => left + ((valence + 1) / 2) * size;
  const y = (arousal) => top + ((1 - arousal) / 2) * size;
  drawPlane(context, size, left, top);
  const marks = { felt: colors.felt, heard: colors.warm, wanted: colors.accent };
  for (const [name, color] of Object.entries(marks)) drawTrail(context, trails[name], color, x, y);
  for (const [name, color] of Object.entries(marks))
    drawMark(context, name, color, x(position[name].valence), y(position[name].arousal));
  if (asked) drawAsked(context, x(asked.valence), y(asked.arousal));
}

function drawPlane(context, size, left, top) {
  context.fillStyle = colors.raised;
  context.globalAlpha = 0.55;
  context.beginPath();
  context.roundRect(left, top, size, size, 8);
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, top + size / 2);
  context.lineTo(left + size, top + size / 2);
  context.moveTo(left + size / 2, top);
  context.lineTo(left + size / 2, top + size);
  context.moveTo(left + 0.75 * size, top + size / 2);
  context.arc(left + size / 2, top + size / 2, size / 4, 0, 7);
  context.stroke();
  context.fillStyle = colors.quiet;
  context.font = "11px system-ui, sans-serif";
  const words = [
    { word: "excited", align: "center", x: 0.5, y: 0, down: 14 },
    { word: "calm", align: "center", x: 0.5, y: 1, down: -6 },
    { word: "dark", align: "left", x: 0, y: 0.5, down: -5 },
    { word: "bright", align: "right", x: 1, y: 0.5, down: -5 },
  ];
  for (const { word, align, x, y, down } of words) {
    context.textAlign = align;
    const inside = { left: 8, right: -8, center: 6 + context.measureText(word).width / 2 }[align];
    context.fillText(word, left + x * size + inside, top + y * size + down);
  }
  context.textAlign = "left";
}

function drawTrail(context, trail, color, x, y) {
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.lineCap = "round";
  for (let index = 1; index < trail.length; index++) {
    const [from, to] = [trail[index - 1], trail[index]];
    context.globalAlpha = 0.55 * (index / trail.length) ** 2;
    context.beginPath();
    context.moveTo(x(from.valence), y(from.arousal));
    context.lineTo(x(to.valence), y(to.arousal));
    context.stroke();
  }
  context.globalAlpha = 1;
}

function drawMark(context, name, color, x, y) {
  context.fillStyle = context.strokeStyle = color;
  context.lineWidth = 2.5;
  context.beginPath();
  if (name === "heard") {
    context.moveTo(x, y - 6);
    for (const [dx, dy] of [[6, 0], [0, 6], [-6, 0]]) context.lineTo(x + dx, y + dy);
    context.closePath();
  } else context.arc(x, y, name === "wanted" ? 8 : 5, 0, 7);
  if (name === "wanted") context.stroke();
  else context.fill();
}

function drawAsked(context, x, y) {
  context.strokeStyle = colors.text;
  context.lineWidth = 1;
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(x + 12 * dx, y + 12 * dy);
  }
  context.stroke();
}
