// The bars the page holds: one unbroken run of intervals, so that an index is a time and a hole takes its room.
// An interval nobody told us about is *unknown*; it never vanishes and never becomes empty.
import type { Bar } from "./api";

export const MAX_BARS = 4000;
/** The run may grow by so many before it is cut, so that a cut is rare. */
const SLACK_BARS = 500;

/** Where a batch belongs when the run would grow too long: its own side stays, the far side is let go. */
export type Side = "older" | "newer";

export function unknownBar(time: number): Bar {
  return { time, open: null, high: null, low: null, close: null, volume: null, trades: null, state: "unknown", coverage: 0, source: null };
}

export class BarRun {
  private held: Bar[] = [];
  /** True once bars newer than the run were let go: live bars do not fit until they are loaded again. */
  detached = false;

  constructor(readonly stepSeconds: number) {}

  get bars(): readonly Bar[] {
    return this.held;
  }

  get first(): Bar | undefined {
    return this.held[0];
  }

  get last(): Bar | undefined {
    return this.held[this.held.length - 1];
  }

  indexOf(time: number): number {
    return this.first ? Math.floor((time - this.first.time) / this.stepSeconds) : -1;
  }

  /** Takes a batch in, whatever its place. */
  merge(batch: readonly Bar[], side: Side): void {
    const sorted = batch.filter((bar) => bar.time % this.stepSeconds === 0).sort((a, b) => a.time - b.time);
    const [head, tail] = [sorted[0], sorted[sorted.length - 1]];
    if (!head || !tail) return;
    const distance = this.first && this.last ? Math.max(head.time - this.last.time, this.first.time - tail.time) : 0;
    if (!this.first || distance > MAX_BARS * this.stepSeconds) this.held = [head];
    this.reach(head.time);
    this.reach(tail.time);
    for (const bar of sorted) this.held[this.indexOf(bar.time)] = bar;
    this.trim(side);
  }

  /** Makes sure that the run has a place for `time`; the places on the way are unknown. */
  private reach(time: number): void {
    const [first, last] = [this.first as Bar, this.last as Bar];
    const before: Bar[] = [];
    for (let at = time; at < first.time; at += this.stepSeconds) before.push(unknownBar(at));
    if (before.length) this.held = before.concat(this.held);
    for (let at = last.time + this.stepSeconds; at <= time; at += this.stepSeconds) this.held.push(unknownBar(at));
  }

  private trim(side: Side): void {
    const excess = this.held.length - MAX_BARS;
    if (excess <= SLACK_BARS) return;
    if (side === "newer") this.held.splice(0, excess);
    else {
      this.held.splice(MAX_BARS);
      this.detached = true;
    }
  }
}

/** The last close before `index` that is still known there: a hole on the way makes it unknown. */
export function knownCloseBefore(bars: readonly Bar[], index: number): number | null {
  for (let at = index - 1; at >= 0; at -= 1) {
    const bar = bars[at] as Bar;
    if (bar.state === "unknown") return null;
    if (bar.close !== null) return bar.close;
  }
  return null;
}
