/**
 * Lanterns: lead a light past the shadows and gather lanterns. The nearer the shadows, the more
 * danger the music has; a lantern rings in its key; being caught changes the section.
 */

const server = new URLSearchParams(location.search).get("server") ?? "http://127.0.0.1:5580";

const canvas = document.querySelector("canvas");
const line = document.querySelector("p");
const random = () => ({ x: Math.random(), y: Math.random() });
const light = { x: 0.5, y: 0.5 };
const shadows = Array.from({ length: 3 }, () => ({ ...random(), turn: Math.random() * 6 }));
let lantern = random();
let found = 0;
let session = null;

document.querySelector("button").addEventListener("click", begin);
canvas.addEventListener("pointermove", ({ clientX, clientY }) => {
  light.x = clientX / canvas.clientWidth;
  light.y = clientY / canvas.clientHeight;
});

async function begin({ target }) {
  target.remove();
  try {
    const { Segue } = await import(`${server}/segue.js`);
    const { Speaker } = await import(`${server}/audio.js`);
    const segue = await Segue.connect();
    session = await segue.open("dungeon", { output: "stream", parameters: { danger: 0 } });
    session.on("section", ({ name }) => { line.textContent = `${found} lanterns · ${name}`; });
    await new Speaker().play(session);
    setInterval(report, 200);
    requestAnimationFrame(step);
  } catch (error) {
    line.textContent = `${error.message} – start it with: segue serve --page ${location.origin}`;
  }
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const nearest = () => Math.min(...shadows.map((shadow) => distance(shadow, light)));

/** What the game says to the music, five times a second. */
function report() {
  const danger = Math.max(0, 1 - nearest() / 0.45);
  session.set({ danger, action: found / 12 % 1 }, { ramp_seconds: 0.3 }).catch(() => {});
}

function step() {
  for (const shadow of shadows) {
    shadow.turn += (Math.random() - 0.5) * 0.3;
    shadow.x = (shadow.x + 0.0016 * Math.cos(shadow.turn) + 1) % 1;
    shadow.y = (shadow.y + 0.0016 * Math.sin(shadow.turn) + 1) % 1;
  }
  if (distance(light, lantern) < 0.04) gather();
  if (nearest() < 0.04) caught();
  draw();
  requestAnimationFrame(step);
}

function gather() {
  found += 1;
  lantern = random();
  session.stinger("discovery", { at: "beat" }).catch(() => {});
  if (found % 4 === 0) session.go("explore", { at: "bar" }).catch(() => {});
}

function caught() {
  found = 0;
  for (const shadow of shadows) Object.assign(shadow, random());
  session.go("fight", { at: "bar" }).catch(() => {});
}

function draw() {
  const [width, height] = [(canvas.width = canvas.clientWidth), (canvas.height = canvas.clientHeight)];
  const context = canvas.getContext("2d");
  const glow = (point, radius, color) => {
    const [x, y] = [point.x * width, point.y * height];
    const shade = context.createRadialGradient(x, y, 0, x, y, radius);
    shade.addColorStop(0, color);
    shade.addColorStop(1, "transparent");
    context.fillStyle = shade;
    context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  };
  glow(light, 130, "#45c4bdaa");
  glow(lantern, 40, "#ffc764");
  for (const shadow of shadows) glow(shadow, 110, "#c2405acc");
}
