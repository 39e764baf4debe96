/** What is known of the music around now: bars, notes, sections, markers, promises. */

import { Emitter } from "./segue.js";

const KEPT_SECONDS = 40;
const JUMP_SECONDS = 0.05; // a bar that begins so much before the last one ends cuts it short
const PERCUSSION = /drum|perc|kit|beat/i;

/**
 * Follows one session at a time. Emits "session" when that changes, "position" some times a
 * second, every event of the session by its type, and "told" ({text, kind}) for the log.
 */
export class Music extends Emitter {
  /** @type {import("./segue.js").Session | null} */
  session = null;
  bars = []; // bar events
  notes = []; // {layer, pitch, frame, frames, loudness, kit}, in the order of their beginning
  marks = []; // {frame, name, kind} of markers and stingers
  promises = new Map(); // commands that wait: id -> {verb, text, promise, asked}
  /** Frames by which what is heard in this page lags behind the server. */
  lagFrames = 0;
  #off = () => {};
  #timer = 0;

  follow(session) {
    this.#off();
    clearInterval(this.#timer);
    Object.assign(this, { session, bars: [], notes: [], marks: [], lagFrames: 0 });
    this.promises.clear();
    this.emit("session", session);
    if (!session) return;
    this.#off = session.on("*", (value, type) => this.#take(value, type));
    this.#timer = setInterval(() => session.refresh().catch(() => {}), 250);
    this.emit("position", session.position);
  }

  get sampleRate() { return this.session?.sampleRate ?? 48_000; }

  /** The frame that is heard now. */
  frame() { return this.session ? this.session.frameNow() - this.lagFrames : 0; }

  /** The bar event that sounds at a frame, if it is known. */
  barAt(frame) { return this.bars.findLast((bar) => bar.at_frame <= frame); }

  /** Bar, beat in the bar and beats of the bar at a frame. */
  placeAt(frame) {
    const bar = this.barAt(frame);
    const { position } = this.session;
    if (!bar) return { bar: position.bar, beat: position.beat_in_bar, beats: 4, share: 0 };
    const beat = ((frame - bar.at_frame) / this.sampleRate) * (bar.bpm / 60);
    return { bar: bar.bar, beat: Math.min(beat, bar.beats - 1e-6), beats: bar.beats, event: bar,
      share: Math.min(1, beat / bar.beats) };
  }

  barFrames(bar) { return bar.frames ?? (bar.beats * 60 * this.sampleRate) / bar.bpm; }

  /** Ask for something, and keep its promise until it is executed or dropped. */
  async ask(verb, text, request) {
    try {
      const promise = await request;
      if (promise.id && promise.eta_seconds > 0.02)
        this.promises.set(promise.id, { verb, text, promise, asked: performance.now() });
      this.emit("promises", this.promises);
      return promise;
    } catch (error) {
      this.tell(`${verb}: ${error.message}`, "refused");
      return null;
    }
  }

  tell(text, kind) { this.emit("told", { text, kind, at: new Date() }); }

  #take(value, type) {
    if (type === "audio") return;
    if (type === "bar") this.#addBar(value);
    if (type === "notes") this.#addNotes(value.notes);
    if (type === "marker") this.#mark(value.at_frame, value.name, type);
    if (type === "stinger") this.#mark(value.at_frame, value.name, type);
    if (type === "warning") this.tell(value.message, "warning");
    if (type === "executed" || type === "dropped") this.#settle(value);
    this.emit(type, value);
  }

  #settle(event) {
    const known = this.promises.get(event.command);
    this.promises.delete(event.command);
    this.emit("settled", { ...event, text: known?.text ?? "" });
    this.emit("promises", this.promises);
    if (event.type === "dropped") this.tell(`${event.verb} dropped: ${event.reason}`, "dropped");
  }

  #addBar(bar) {
    this.bars = this.bars.filter((other) => other.at_frame < bar.at_frame);
    const before = this.bars.at(-1);
    const early = before ? before.at_frame + this.barFrames(before) - bar.at_frame : 0;
    if (early > JUMP_SECONDS * this.sampleRate) this.#cut(before, bar.at_frame);
    this.bars.push(bar);
    const oldest = bar.at_frame - KEPT_SECONDS * this.sampleRate;
    this.bars = this.bars.filter((other) => other.at_frame >= oldest);
    this.notes = this.notes.filter((note) => note.frame + note.frames >= oldest);
    this.marks = this.marks.filter((mark) => mark.frame >= oldest);
  }

  /** After a seek or a restore the rest of a bar, which was told, is not heard. */
  #cut(bar, frame) {
    bar.frames = frame - bar.at_frame;
    this.notes = this.notes.filter((note) => note.frame < frame);
    for (const note of this.notes) note.frames = Math.min(note.frames, frame - note.frame);
  }

  #addNotes(rows) {
    for (const [layer, pitch, frame, frames, loudness] of rows)
      this.notes.push({ layer, pitch, frame, frames, loudness, kit: PERCUSSION.test(layer) });
    this.notes.sort((a, b) => a.frame - b.frame);
  }

  #mark(frame, name, kind) { this.marks.push({ frame, name, kind }); }
}

/** The music of this page. */
export const music = new Music();
