/** The page's loudspeaker: a jitter buffer in the audio thread. */

const REPORT_QUANTA = 32; // about 12 times a second

class Speaker extends AudioWorkletProcessor {
  constructor({ processorOptions: { bufferSeconds } }) {
    super();
    this.target = Math.round(bufferSeconds * sampleRate); // frames held before it plays
    this.size = 1 << 17;
    this.ring = [new Float32Array(this.size), new Float32Array(this.size)];
    this.clear();
    this.underruns = 0;
    this.paused = false; // then it may run dry
    this.quanta = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  clear() {
    Object.assign(this, { read: 0, held: 0, playing: false, frame: 0, sum: 0, peak: 0 });
  }

  /** A block of 16-bit samples, interleaved; or {paused}; or null: what is held is past. */
  take(block) {
    if (!block) return this.clear();
    if ("paused" in block) return void (this.paused = block.paused);
    const { frame, channels, samples } = block;
    const frames = samples.length / channels;
    const gap = this.held > 0 ? frame - this.frame - this.held : 0;
    if (gap > 0 && gap < this.target) this.rest(gap); // blocks were lost on the way
    else if (gap || this.held + frames > this.size) this.held = 0; // the music went elsewhere
    if (this.held === 0) this.frame = frame;
    for (let channel = 0; channel < 2; channel++) {
      const from = Math.min(channel, channels - 1);
      const ring = this.ring[channel];
      const start = this.read + this.held;
      for (let i = 0; i < frames; i++)
        ring[(start + i) % this.size] = samples[i * channels + from] / 32768;
    }
    this.held += frames;
  }

  /** So many frames of silence. */
  rest(frames) {
    for (const ring of this.ring)
      for (let i = 0; i < frames; i++) ring[(this.read + this.held + i) % this.size] = 0;
    this.held += frames;
  }

  process(_, [output]) {
    const frames = output[0].length;
    if (!this.playing && this.held >= this.target) this.playing = true;
    if (this.playing && this.held < frames) {
      this.playing = false;
      if (!this.paused) this.underruns++;
    }
    // Clocks differ, and pauses of the network pile blocks up: a fourfold buffer is let go.
    if (this.held > 4 * this.target) this.drop(this.held - this.target);
    if (this.playing) this.play(output, frames);
    if (++this.quanta % REPORT_QUANTA === 0) this.report(frames * REPORT_QUANTA);
    return true;
  }

  play(output, frames) {
    output.forEach((samples, channel) => {
      const ring = this.ring[Math.min(channel, 1)];
      for (let i = 0; i < frames; i++) {
        const sample = ring[(this.read + i) % this.size];
        samples[i] = sample;
        this.sum += sample * sample;
        this.peak = Math.max(this.peak, Math.abs(sample));
      }
    });
    this.drop(frames);
  }

  drop(frames) {
    this.read = (this.read + frames) % this.size;
    this.held -= frames;
    this.frame += frames;
  }

  report(frames) {
    const { frame, held, underruns, peak, playing } = this;
    const rms = Math.sqrt(this.sum / (2 * frames));
    this.port.postMessage({ frame, held, underruns, peak, rms, playing, at: currentTime });
    Object.assign(this, { sum: 0, peak: 0 });
  }
}

registerProcessor("segue-speaker", Speaker);
