// The timeline: when sise listened, every hole in it, each attempt to connect again, and when the load lowered
// the sampling; up to now. Nothing is claimed before the first data that was heard.
import type { Gap } from "./api";
import type { Day, MitigationBand, Reconnect } from "./dayapi";
import { spanOf } from "./days";
import { byId, el, press, setText } from "./dom";
import { clockText, dayText, durationText, momentText, ZONE_NAME } from "./format";
import { code, t } from "./i18n";
import { bandTitle, reconnectTitle } from "./marks";

const SPANS = { "10m": 600, "1h": 3600, "24h": 86_400 } as const;
type Span = keyof typeof SPANS;
const TICK_SECONDS: Record<Span, number> = { "10m": 120, "1h": 600, "24h": 14_400 };
const LEAST_WIDTH_PERCENT = 0.35;
const DAY_MS = 86_400_000;

export interface TimelineFacts {
  /** The first data that was heard, in ms; null: not known. */
  knownFrom: number | null;
  now: number;
  /** As the server lists them. */
  gaps: readonly Gap[];
  days: readonly Day[];
  /** Whether the line is up now. */
  listening: boolean;
}

type Percent = (ms: number) => number;

export class Timeline {
  private chosen: Span | null = null;
  private readonly buttons = [...byId("spans").querySelectorAll<HTMLElement>("button")];

  constructor(private readonly onGap: (gap: Gap) => void) {
    for (const button of this.buttons) button.addEventListener("click", () => (this.chosen = button.dataset["value"] as Span));
  }

  paint(facts: TimelineFacts): void {
    const { knownFrom, now } = facts;
    const age = knownFrom === null ? 0 : (now - knownFrom) / 1000;
    const fitting = (Object.keys(SPANS) as Span[]).find((span) => SPANS[span] >= age) ?? "24h";
    const span = this.chosen ?? fitting;
    press(this.buttons, span);
    const start = now - SPANS[span] * 1000;
    const percent = (ms: number): number => Math.min(100, Math.max(0, ((ms - start) / (now - start)) * 100));
    byId("track").replaceChildren(...this.marks(facts, start, percent));
    byId("ticks").replaceChildren(...this.ticks(span, start, now, percent));
    setText(byId("track-zone"), ZONE_NAME);
  }

  private marks({ days, gaps, now, listening }: TimelineFacts, start: number, percent: Percent): HTMLElement[] {
    const marks: HTMLElement[] = [];
    for (const day of days) {
      for (const window of day.heard) {
        const [from, to] = spanOf(window, day, now, listening);
        if (to >= start) marks.push(placed("div", "heard", percent(from), percent(to)));
      }
    }
    for (const gap of gaps) {
      const [from, to] = [Date.parse(gap.start), gap.end === null ? now : Date.parse(gap.end)];
      if (to >= start) marks.push(this.band(gap, percent(from), percent(to), now));
    }
    const bands = days.flatMap((day) => day.mitigation);
    for (const band of bands) {
      const to = band.end === null ? now : Date.parse(band.end);
      if (to >= start) marks.push(this.mitigation(band, percent(Date.parse(band.start)), percent(to), now));
    }
    const attempts = days.flatMap((day) => day.reconnects).filter((each) => Date.parse(each.at) >= start);
    return [...marks, ...attempts.map((each) => this.attempt(each, percent(Date.parse(each.at)), now))];
  }

  private band(gap: Gap, from: number, to: number, now: number): HTMLElement {
    const band = placed("button", gap.open ? "gap open" : "gap", from, to);
    const seconds = gap.seconds ?? (now - Date.parse(gap.start)) / 1000;
    band.title = `${code("reason", gap.reason)} · ${momentText(gap.start, now)} ${ZONE_NAME} · ${durationText(seconds)}`;
    band.setAttribute("aria-label", band.title);
    band.addEventListener("click", () => this.onGap(gap));
    return band;
  }

  private mitigation(band: MitigationBand, from: number, to: number, now: number): HTMLElement {
    const mark = placed("div", `slowed level-${band.level}`, from, to);
    mark.title = bandTitle(band, now);
    return mark;
  }

  private attempt(attempt: Reconnect, at: number, now: number): HTMLElement {
    const mark = el("i", attempt.result === "SUCCESS" ? "attempt" : "attempt failed", attempt.result === "SUCCESS" ? "▲" : "×");
    mark.style.left = `${at}%`;
    mark.title = reconnectTitle(attempt, now);
    return mark;
  }

  private ticks(span: Span, start: number, now: number, percent: Percent): HTMLElement[] {
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

/** An element that lies from `from` to `to` percent, wide enough to be seen. */
function placed<K extends "div" | "button">(tag: K, className: string, from: number, to: number): HTMLElementTagNameMap[K] {
  const element = el(tag, className);
  element.style.left = `${Math.min(from, 100 - LEAST_WIDTH_PERCENT)}%`;
  element.style.width = `${Math.max(LEAST_WIDTH_PERCENT, to - from)}%`;
  return element;
}
