// The timeline: when sise listened, and every hole in it, up to now. Nothing is claimed before the first known moment.
import type { Gap } from "./api";
import { byId, el, press, setText } from "./dom";
import { clockText, dayText, durationText, momentText, ZONE_NAME } from "./format";
import { code, t } from "./i18n";

const SPANS = { "10m": 600, "1h": 3600, "24h": 86_400 } as const;
type Span = keyof typeof SPANS;
const TICK_SECONDS: Record<Span, number> = { "10m": 120, "1h": 600, "24h": 14_400 };
const LEAST_WIDTH_PERCENT = 0.35;
const DAY_MS = 86_400_000;

export class Timeline {
  private chosen: Span | null = null;
  private readonly buttons = [...byId("spans").querySelectorAll<HTMLElement>("button")];

  constructor(private readonly onGap: (gap: Gap) => void) {
    for (const button of this.buttons) button.addEventListener("click", () => (this.chosen = button.dataset["value"] as Span));
  }

  /** `knownFrom` and `now` in ms; `gaps` as the server lists them; `heard` false while nothing is heard now. */
  paint(knownFrom: number | null, now: number, gaps: readonly Gap[]): void {
    const age = knownFrom === null ? 0 : (now - knownFrom) / 1000;
    const fitting = (Object.keys(SPANS) as Span[]).find((span) => SPANS[span] >= age) ?? "24h";
    const span = this.chosen ?? fitting;
    press(this.buttons, span);
    const start = now - SPANS[span] * 1000;
    const percent = (ms: number): number => Math.min(100, Math.max(0, ((ms - start) / (now - start)) * 100));
    const track: HTMLElement[] = [];
    if (knownFrom !== null) {
      const heard = el("div", "heard");
      heard.style.left = `${percent(knownFrom)}%`;
      track.push(heard);
    }
    for (const gap of gaps) {
      const [from, to] = [Date.parse(gap.start), gap.end === null ? now : Date.parse(gap.end)];
      if (to < start) continue;
      track.push(this.band(gap, percent(from), percent(to), now));
    }
    byId("track").replaceChildren(...track);
    byId("ticks").replaceChildren(...this.ticks(span, start, now, percent));
    setText(byId("track-zone"), ZONE_NAME);
  }

  private band(gap: Gap, from: number, to: number, now: number): HTMLElement {
    const band = el("button", gap.open ? "gap open" : "gap");
    band.style.left = `${Math.min(from, 100 - LEAST_WIDTH_PERCENT)}%`;
    band.style.width = `${Math.max(LEAST_WIDTH_PERCENT, to - from)}%`;
    const seconds = gap.seconds ?? (now - Date.parse(gap.start)) / 1000;
    band.title = `${code("reason", gap.reason)} · ${momentText(gap.start, now)} ${ZONE_NAME} · ${durationText(seconds)}`;
    band.setAttribute("aria-label", band.title);
    band.addEventListener("click", () => this.onGap(gap));
    return band;
  }

  private ticks(span: Span, start: number, now: number, percent: (ms: number) => number): HTMLElement[] {
    const step = TICK_SECONDS[span] * 1000;
    // Korean midnight is at 15:00 UTC: counted from there, ticks of hours fall on whole Korean hours.
    const zero = Date.parse("2020-01-01T00:00:00+09:00");
    const ticks: HTMLElement[] = [];
    for (let at = zero + Math.ceil((start - zero) / step) * step; at <= now; at += step) {
      const midnight = (at - zero) % DAY_MS === 0;
      const tick = el("span", "", midnight ? dayText(at).slice(5) : clockText(at).slice(0, 5));
      tick.style.left = `${percent(at)}%`;
      if (percent(at) > 3 && percent(at) < 95) ticks.push(tick);
    }
    const end = el("span", "now", t("timeline.now"));
    end.style.left = "100%";
    return [...ticks, end];
  }
}
