// The market's now: the machine's, or, where the collector lives in another time (a simulated day), the collector's.
const SAME_TIME_MS = 60_000;
let aheadMs = 0;

/** Takes the collector's own `now` from a status. A small difference is two clocks, not another time. */
export function takeMarketTime(collectorNow: string | undefined): void {
  if (collectorNow === undefined) return;
  const ahead = Date.parse(collectorNow) - Date.now();
  aheadMs = Math.abs(ahead) > SAME_TIME_MS ? ahead : 0;
}

/** Milliseconds since the epoch, in the market's time. */
export function marketNow(): number {
  return Date.now() + aheadMs;
}
