/**
 * The JavaScript client of Segue, for browsers and node 18 or newer: one file, nothing else.
 *
 *     import { Segue } from "http://127.0.0.1:5580/segue.js";
 *     const segue = await Segue.connect();
 *     const session = await segue.open("dungeon", { output: "stream" });
 *     session.on("section", (event) => console.log("now in", event.name));
 *     await session.set({ danger: 0.8 });
 *     await session.go("boss", { at: "bar" });
 *
 * Speaks the protocol of docs/protocol.md over a WebSocket: requests are promises, refusals are
 * `SegueError`s, a lost server is called again and its events go on where they broke off.
 */

export const PROTOCOL = "1.3";
const PING_MS = 1000;
const SILENCE_MS = 5000; // without an answer: the connection is taken for dead
const RETRY_MS = [250, 500, 1000, 2000, 4000];
const CLOCK_PINGS = 16; // of which the quickest sets the clock
const nowNs = () => Math.round(performance.now() * 1e6);

/**
 * @typedef {{frame: number, seconds: number, ts_ns: number, beat: number, bar: number,
 *   beat_in_bar: number, section: string, bar_in_section: number, bpm: number, meter: string,
 *   key: string, decided_bars: number, next_beat_seconds: number, next_bar_seconds: number,
 *   director: string, wanted: Mood, heard: Mood, felt: Mood, parameters: Record<string, number>,
 *   levels: Record<string, number>, pending: string[], sequence: number, paused: boolean,
 *   loop_bars: number}} Position
 * @typedef {{valence: number, arousal: number, tension: number}} Mood  each in [-1, 1]
 * @typedef {{name: string, title: string, key: string, meter: string, tempo_bpm: number[],
 *   sections: string[], layers: string[], stingers: string[], markers: string[],
 *   parameters: Record<string, number[]>}} Cue  parameters: minimum, maximum, default
 * @typedef {{id: string, scheduled_frame: number, scheduled_beat: number, scheduled_bar: number,
 *   eta_seconds: number, estimated: boolean}} Accepted
 * @typedef {{library?: string, file?: string, buffers?: {dtype: string, shape: number[],
 *   sample_rate?: number, data: ArrayBuffer | ArrayBufferView}[]}} Source
 */

/** Why a request was not done: `code` of the protocol's table, or "lost" and "timeout". */
export class SegueError extends Error {
  constructor({ code, message, path = "", remediation = "" }) {
    super(remediation ? `${message}; ${remediation}` : message);
    Object.assign(this, { name: "SegueError", code, path, remediation });
  }
}

/** `on(type, listener)` gives back a function that takes the listener off; type "*": all. */
export class Emitter {
  #listeners = new Map();

  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.#listeners.get(type).delete(listener);
  }

  emit(type, value) {
    for (const listener of this.#listeners.get(type) ?? []) listener(value);
    for (const listener of this.#listeners.get("*") ?? []) listener(value, type);
  }
}

/**
 * A connection. Emits "state" ("connecting", "open", "lost", "closed"), "pong" ({rttMs, offsetNs})
 * and "event" (every event of every session).
 */
export class Segue extends Emitter {
  /** Sessions that were opened or joined here, by id. @type {Map<string, Session>} */
  sessions = new Map();
  /** The reply to `hello`. @type {object | null} */
  welcome = null;
  state = "connecting";
  offsetNs = 0; // server's clock minus this one's
  #address; #name; #socketClass; #socket = null; #waiting = new Map(); #pongs = [];
  #prefix = Math.random().toString(36).slice(2, 8); #count = 0; #tries = 0; #timers = []; #buffers = [];

  /**
   * @param {string} address  ws://HOST:PORT/ws; a token goes into it as ?token=...
   * @param {{name?: string, WebSocket?: any}} [options]  `name` as the server logs it
   */
  constructor(address = ownAddress(), { name = "segue.js", WebSocket } = {}) {
    super();
    this.#address = address;
    this.#name = name;
    this.#socketClass = WebSocket ?? globalThis.WebSocket;
    this.#dial();
  }

  /**
   * A connection that stands; rejects if the server does not answer.
   * @param {string} [address]
   * @param {{name?: string, WebSocket?: any}} [options]
   * @returns {Promise<Segue>}
   */
  static connect(address, options) {
    const segue = new Segue(address, options);
    return new Promise((resolve, reject) => {
      segue.on("state", (state) => {
        if (state === "open") resolve(segue);
        else if (segue.welcome === null) {
          segue.close();
          reject(new SegueError({ code: "lost", message: `no server at ${segue.#address}` }));
        }
      });
    });
  }

  /**
   * Ask, and wait for the reply's content.
   * @param {string} type
   * @param {object} [content]
   * @param {{session?: string, timeoutMs?: number, buffers?: any[], id?: string}} [options]
   * @returns {Promise<any>}
   */
  request(type, content = {}, { session = "", timeoutMs = 15_000, buffers = [], id } = {}) {
    if (this.state !== "open" && type !== "hello") return Promise.reject(lost());
    const header = { id: id ?? `${this.#prefix}-${++this.#count}`, type, session, version: PROTOCOL };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(header.id);
        reject(new SegueError({ code: "timeout", message: `no answer to ${type}` }));
      }, timeoutMs);
      this.#waiting.set(header.id, { resolve, reject, timer });
      for (const buffer of buffers) this.#socket.send(buffer);
      this.#socket.send(JSON.stringify({ header: { ...header, ts_ns: nowNs() }, content }));
    });
  }

  /** Cues, directors, outputs and open sessions. */
  list() { return this.request("list"); }

  /**
   * Open a session; options are the fields of `open` in the protocol, and which events are sent.
   * @param {string} cue
   * @param {Record<string, any>} [options]
   * @returns {Promise<Session>}
   */
  async open(cue, { events = [], audio, ...options } = {}) {
    const opened = await this.request("open", { cue, ...options }, { timeoutMs: 120_000 });
    const session = new Session(this, opened.session, opened.cue, opened.position, opened.sample_rate);
    return this.#host(session, { events, audio: audio ?? options.output === "stream", after: 0 });
  }

  /** A session that someone else opened, with its last events. @returns {Promise<Session>} */
  async join(id, { events = [], audio = false, history = 256 } = {}) {
    const [{ position }, { cues }] = await Promise.all([
      this.request("position", {}, { session: id }), this.list()]);
    const session = new Session(this, id, cueOf(position, cues), position, this.welcome.sample_rate);
    return this.#host(session, { events, audio, after: Math.max(0, position.sequence - history) });
  }

  /** Events are asked for but not awaited: whoever opens has the time to listen first. */
  #host(session, { events, audio, after }) {
    session.sequence = after;
    this.sessions.set(session.id, session);
    session.ready = session.subscribe({ events, audio });
    session.ready.catch(() => {});
    return session;
  }

  /** What the models socket can do, its library, its models and its jobs. */
  functions() { return this.request("functions"); }
  library(search = "", limit = 100) { return this.request("library", { search, limit }); }
  cards(name = "") { return this.request("cards", { name }); }
  jobs() { return this.request("jobs"); }

  /** Call a quick function. @param {string} name @param {Source} [source] */
  call(name, source = {}, options = {}) {
    const [plain, buffers] = packSource(source);
    return this.request("call", { function: name, source: plain, options },
      { buffers, timeoutMs: 60_000 });
  }

  /**
   * Begin a job; it emits "progress", and `job.result` is a promise.
   * @param {string} name
   * @param {Source} [source]
   * @returns {Promise<Job>}
   */
  async submit(name, source = {}, options = {}) {
    const [plain, buffers] = packSource(source);
    const id = `${this.#prefix}-${++this.#count}`;
    const { job } = await this.request("submit", { function: name, source: plain, options },
      { buffers, id });
    const handle = new Job(this, job);
    handle.result = new Promise((resolve, reject) => {
      const progress = (content) => handle.emit("progress", Object.assign(handle.info, content));
      this.#waiting.set(id, { resolve, reject, progress });
    });
    handle.result.catch(() => {}); // whoever awaits it is told
    return handle;
  }

  /** End the connection; sessions play on until their time-out. */
  close() {
    this.#setState("closed");
    this.#socket?.close();
  }

  #setState(state) {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.emit("state", state);
  }

  async #dial() {
    this.#socketClass ??= await nodeSocket();
    if (this.state === "closed") return;
    const socket = (this.#socket = new this.#socketClass(this.#address));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#greet().catch(() => socket.close());
    socket.onmessage = ({ data }) =>
      typeof data === "string" ? this.#read(JSON.parse(data)) : this.#binary(data);
    socket.onerror = () => {}; // a close follows
    socket.onclose = () => this.#lose();
  }

  async #greet() {
    const content = { protocol: PROTOCOL, client: this.#name, encodings: ["json"] };
    this.welcome = await this.request("hello", content);
    this.#tries = 0;
    this.#pongs = [];
    this.#buffers = [];
    this.#setState("open");
    this.#timers = [setInterval(() => this.#ping(), PING_MS)];
    this.#ping();
    for (const session of this.sessions.values()) session.subscribe().catch(() => {});
  }

  #lose() {
    this.#timers.forEach(clearInterval);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(lost());
    }
    this.#waiting.clear();
    if (this.state === "closed") return;
    this.#setState("lost");
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
    setTimeout(() => this.#dial(), wait);
  }

  async #ping() {
    const content = { t0_ns: nowNs(), sessions: [...this.sessions.keys()] };
    try {
      const pong = await this.request("ping", content, { timeoutMs: SILENCE_MS });
      const t3 = nowNs();
      const rttNs = t3 - pong.t0_ns - (pong.t2_ns - pong.t1_ns);
      this.#pongs.push({ rttNs, offsetNs: (pong.t1_ns - pong.t0_ns + (pong.t2_ns - t3)) / 2 });
      if (this.#pongs.length > CLOCK_PINGS) this.#pongs.shift();
      this.offsetNs = this.#pongs.reduce((a, b) => (b.rttNs < a.rttNs ? b : a)).offsetNs;
      this.emit("pong", { rttMs: rttNs / 1e6, offsetNs: this.offsetNs });
      for (const id of pong.unknown) this.sessions.get(id)?.gone("the server does not know it any more");
    } catch (error) {
      if (error.code === "timeout") this.#socket.close();
    }
  }

  #read(message) {
    if (message.event) return this.#event(message.event);
    const id = message.parent?.id ?? message.header.id;
    const buffers = message.header.type === "result" ? this.#buffers.splice(0) : [];
    buffers.forEach((data, index) => Object.assign(message.content.buffers[index] ?? {}, { data }));
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (message.header.type === "progress") return waiting.progress?.(message.content);
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    if (message.header.type === "error") waiting.reject(new SegueError(message.content));
    else waiting.resolve(message.content);
  }

  #event(event) {
    this.emit("event", event);
    this.sessions.get(event.session)?.take(event);
  }

  /** "SEGB": a buffer of the reply that comes next; "SEGA": frame, channels, 16-bit samples. */
  #binary(data) {
    const view = new DataView(data);
    const tag = String.fromCharCode(...new Uint8Array(data, 0, 4));
    if (tag === "SEGB") this.#buffers.push(data.slice(4));
    if (tag !== "SEGA") return;
    const block = {
      frame: Number(view.getBigUint64(4, true)),
      channels: view.getUint32(12, true),
      samples: new Int16Array(data, 16),
    };
    for (const session of this.sessions.values()) if (session.audio) session.emit("audio", block);
  }
}

/**
 * A session. Emits its events by their types ("bar", "notes", "executed" ...), "audio" ({frame,
 * channels, samples}), and "position". Commands resolve to promises of the protocol: {id,
 * scheduled_frame, eta_seconds, ...}; all take `at` and `expires_seconds` among their options.
 */
export class Session extends Emitter {
  sequence = 0; // of the newest event
  audio = false; // whether its sound comes here
  closed = false;
  moving = true; // whether its clock goes by itself, as far as one can see
  ready = Promise.resolve(); // once its events are on their way
  #wanted = { events: [], audio: false };

  /**
   * @param {Segue} segue
   * @param {string} id
   * @param {Cue} cue
   * @param {Position} position
   * @param {number} sampleRate
   */
  constructor(segue, id, cue, position, sampleRate) {
    super();
    this.segue = segue;
    this.id = id;
    this.cue = cue;
    this.position = position;
    this.sampleRate = sampleRate;
  }

  /** @param {string} type @param {object} [content] @returns {Promise<any>} */
  request(type, content, options = {}) {
    return this.segue.request(type, content, { session: this.id, ...options });
  }

  set(parameters, options) { return this.request("set", { parameters, ...options }); }
  mood(mood, options) { return this.request("mood", { ...mood, ...options }); }
  go(section, options) { return this.request("go", { section, ...options }); }
  stinger(name, options) { return this.request("stinger", { name, ...options }); }
  feedback(value, options) { return this.request("feedback", { value, ...options }); }
  game(features, options) { return this.request("game", { features, ...options }); }
  direct(changes, options) { return this.request("direct", { changes, ...options }); }
  release(names = [], options = {}) { return this.request("release", { names, ...options }); }
  level(layer, value, options) { return this.request("level", { layer, value, ...options }); }
  control(name, value, options) { return this.request("control", { name, value, ...options }); }
  duck(depth_db, seconds) { return this.request("duck", { depth_db, seconds }); }
  switch(director, options) { return this.request("switch", { director, ...options }); }
  tempo(bpm, options) { return this.request("tempo", { bpm, ...options }); }
  loop(bars, options) { return this.request("loop", { bars, ...options }); }
  cancel(command) { return this.request("cancel", { command }); }
  pause() { return this.#moved("pause"); }
  resume() { return this.#moved("resume"); }
  seek(bar) { return this.#moved("seek", { bar }); }
  advance(seconds) { return this.#moved("advance", { seconds }); }
  explain(verb, content) { return this.request("explain", { verb, content }); }
  timeTo(at) { return this.request("time_to", { at }); }
  why() { return this.request("why"); }
  meters() { return this.request("meters"); }
  snapshot() { return this.request("snapshot"); }
  restore(state) { return this.#moved("restore", { state }); }
  close(fade_seconds = 0) { return this.request("close", { fade_seconds }); }

  /** Ask where the music is, which sets this side's clock as well. */
  refresh() { return this.#moved("position"); }

  async #moved(type, content) {
    const before = this.position;
    this.position = (await this.request(type, content)).position;
    this.moving = type !== "position" || this.position.frame > before.frame;
    this.emit("position", this.position);
    return this.position;
  }

  /** The audio frame that sounds now, at the server. */
  frameNow() {
    const { frame, ts_ns, paused } = this.position;
    if (paused || !this.moving) return frame;
    return frame + ((nowNs() + this.segue.offsetNs - ts_ns) * this.sampleRate) / 1e9;
  }

  /** Seconds until a frame (an event's `at_frame`) sounds; negative once it has. */
  secondsUntil(frame) { return (frame - this.frameNow()) / this.sampleRate; }

  /**
   * Have events (types; none: all) and sound sent here, from the newest known event on.
   * @param {{events?: string[], audio?: boolean}} [wanted]
   */
  async subscribe(wanted = this.#wanted) {
    this.#wanted = { ...this.#wanted, ...wanted };
    this.audio = this.#wanted.audio;
    const reply = await this.request("subscribe", { ...this.#wanted, after: this.sequence });
    this.audio = reply.channels > 0;
    return reply;
  }

  /** Of the client: an event has come. */
  take(event) {
    if (event.sequence <= this.sequence) return; // told before, after a reconnection
    this.sequence = event.sequence;
    this.emit(event.type, event);
    if (event.type === "closed") this.#end();
  }

  /** Of the client: the session is not there any more. */
  gone(reason) {
    this.emit("closed", { type: "closed", session: this.id, reason });
    this.#end();
  }

  #end() {
    this.closed = true;
    this.segue.sessions.delete(this.id);
  }
}

/** A job of the models socket: `info`, `result` (a promise), and "progress" events. */
export class Job extends Emitter {
  /** @type {Promise<any>} */
  result = Promise.resolve();

  /** @param {Segue} segue @param {any} info  the protocol's job: state, share, message ... */
  constructor(segue, info) {
    super();
    this.segue = segue;
    this.info = info;
    this.id = info.id;
  }

  cancel() { return this.segue.request("cancel_job", { job: this.id }); }
}

const lost = () => new SegueError({ code: "lost", message: "the server cannot be reached" });

/** The server that this file came from, with the page's token. */
function ownAddress() {
  const here = new URL("/ws", import.meta.url);
  if (!here.protocol.startsWith("http")) return "ws://127.0.0.1:5580/ws";
  here.protocol = here.protocol.replace("http", "ws");
  const token = new URLSearchParams(globalThis.location?.search).get("token");
  if (token) here.searchParams.set("token", token);
  return here.href;
}

/** The cue that is playing: one of those listed, or what its position tells. */
function cueOf(position, cues) {
  const layers = Object.keys(position.levels);
  const same = (cue) => cue.layers.join() === layers.join() && cue.sections.includes(position.section);
  const ranges = Object.entries(position.parameters).map(([name, now]) =>
    [name, [Math.min(0, now), Math.max(1, now), now]]);
  return cues.find(same) ?? {
    name: "", title: "", key: position.key, meter: position.meter, markers: [], stingers: [], layers,
    tempo_bpm: [position.bpm, position.bpm], sections: [position.section],
    parameters: Object.fromEntries(ranges),
  };
}

/** @param {Source} source @returns {[object, any[]]} */
function packSource({ buffers = [], ...named }) {
  const described = buffers.map(({ data, ...buffer }) => buffer);
  return [{ ...named, buffers: described }, buffers.map(({ data }) => data)];
}

/** For node versions without a WebSocket of their own: the client's side of RFC 6455. */
async function nodeSocket() {
  const { randomBytes } = await import("node:crypto");
  const modules = { "ws:": await import("node:http"), "wss:": await import("node:https") };

  return class NodeSocket {
    onopen; onmessage; onclose; // as a browser's WebSocket calls them
    constructor(address) {
      const { protocol } = new URL(address);
      const key = randomBytes(16).toString("base64");
      const headers = { Connection: "Upgrade", Upgrade: "websocket",
        "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13" };
      const asked = modules[protocol].request(address.replace("ws", "http"), { headers });
      asked.on("upgrade", (_, socket, head) => this.#begin(socket, head));
      asked.on("response", () => { asked.destroy(); this.onclose?.(); });
      asked.on("error", () => this.onclose?.());
      asked.end();
    }

    #begin(socket, head) {
      this.socket = socket;
      this.unread = head;
      this.parts = [];
      socket.setNoDelay(true);
      socket.on("data", (data) => { this.unread = Buffer.concat([this.unread, data]); this.#read(); });
      socket.on("error", () => {});
      socket.on("close", () => this.onclose?.());
      this.onopen?.();
      this.#read();
    }

    #read() {
      for (let size; (size = this.unread.length) >= 2; ) {
        const short = this.unread[1] & 127;
        const start = short < 126 ? 2 : short === 126 ? 4 : 10;
        if (size < start) return;
        const length = short < 126 ? short
          : short === 126 ? this.unread.readUInt16BE(2) : Number(this.unread.readBigUInt64BE(2));
        if (size < start + length) return;
        const first = this.unread[0];
        const payload = this.unread.subarray(start, start + length);
        this.unread = this.unread.subarray(start + length);
        this.#take(first & 15, payload, Boolean(first & 128));
      }
    }

    #take(opcode, payload, last) {
      if (opcode === 8) return this.socket.end();
      if (opcode === 9) return this.#write(10, payload);
      if (opcode > 2) return;
      if (opcode) this.kind = opcode;
      this.parts.push(payload);
      if (!last) return;
      const whole = Buffer.concat(this.parts.splice(0));
      const data = this.kind === 1 ? whole.toString() : new Uint8Array(whole).buffer;
      this.onmessage?.({ data });
    }

    #write(opcode, payload) {
      const size = payload.length;
      const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
      head[0] = 128 | opcode;
      head[1] = 128 | (size < 126 ? size : size < 65_536 ? 126 : 127);
      if (head.length === 4) head.writeUInt16BE(size, 2);
      if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
      const mask = randomBytes(4);
      const masked = Buffer.from(payload);
      for (let i = 0; i < size; i++) masked[i] ^= mask[i & 3];
      this.socket.write(Buffer.concat([head, mask, masked]));
    }

    send(data) {
      const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
      if (typeof data === "string") this.#write(1, Buffer.from(data));
      else this.#write(2, Buffer.from(view.buffer, view.byteOffset, view.byteLength));
    }

    close() {
      if (this.socket) this.#write(8, Buffer.alloc(0));
      this.socket?.end();
    }
  };
}
