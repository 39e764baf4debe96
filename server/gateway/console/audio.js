/** The sound of `stream` sessions in a page. */

import { Emitter } from "./segue.js";

const BUFFER_SECONDS = 0.12;

/**
 * Plays what a session's "audio" events bring. Emits "report" ({frame, held, underruns, peak, rms,
 * playing}) some times a second. A page may make sound only after its user has done something.
 */
export class Speaker extends Emitter {
  /** What the audio thread last told. @type {object | null} */
  report = null;
  #context = null; #node = null; #off = () => {};

  /** Begin to play a session. @param {import("./segue.js").Session} session */
  async play(session) {
    await this.#start(session.sampleRate);
    this.#off();
    this.#node.port.postMessage(null);
    const { port } = this.#node;
    port.postMessage({ paused: session.position.paused });
    const off = [session.on("audio", (block) => port.postMessage(block)),
      session.on("paused", () => port.postMessage({ paused: true })),
      session.on("resumed", () => port.postMessage({ paused: false }))];
    this.#off = () => off.forEach((take) => take());
    await this.#context.resume();
    await session.subscribe({ audio: true });
  }

  /** Have no sound sent any more. */
  async stop(session) {
    this.#off();
    this.#off = () => {};
    this.report = null;
    this.#node?.port.postMessage(null);
    await this.#context?.suspend();
    if (session && !session.closed) await session.subscribe({ audio: false });
  }

  /** Frames between what is read from the buffer and what is heard. */
  get latencyFrames() {
    const { baseLatency = 0, outputLatency = 0, sampleRate } = this.#context;
    return (baseLatency + outputLatency) * sampleRate;
  }

  async #start(sampleRate) {
    if (this.#context) return;
    this.#context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    await this.#context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "segue-speaker", {
      outputChannelCount: [2], processorOptions: { bufferSeconds: BUFFER_SECONDS } });
    this.#node.port.onmessage = ({ data }) => {
      this.report = data;
      this.emit("report", data);
    };
    this.#node.connect(this.#context.destination);
  }
}
