// A day in lanes under one axis: heard and holes, the rate of samples, sweeps of the universe, changes of slots.
// Each lane is one stop of the tab key; arrows go from mark to mark, and each mark opens its note.
import type { Day } from "./dayapi";
import { spanOf } from "./days";
import { byId, el } from "./dom";
import { clockText, grouped, ZONE_NAME } from "./format";
import { code, t } from "./i18n";
import { bandNote, bandTitle, gapNote, hzText, isPartial, reconnectNote, reconnectTitle, sweepNote, sweepTitle } from "./marks";
import { addNote, noteOf } from "./notes";

const LEAST_PERCENT = 0.25;
const PAD_RATIO = 0.012;
const HOUR_MS = 3_600_000;
const TICKS_MOST = 12;
const MINUTE_MS = 60_000;

type Place = (ms: number) => number;

/** What of the day is drawn: the market's hours, and whatever happened outside of them. */
export function rangeOf(day: Day): [from: number, to: number] {
  const [first, last] = [Date.parse(day.start), Date.parse(day.end)];
  // Of the day on which the record began, what was before is no part.
  const opened = day.began ? [] : [day.hours.swing?.start, day.hours.scalp?.start];
  const starts = [...opened, ...day.sessions.map((each) => each.start ?? day.start)];
  const ends = [day.hours.swing?.end, day.hours.scalp?.end, day.known_until];
  const ms = (texts: (string | null | undefined)[]): number[] => texts.filter((each) => each != null).map((each) => Date.parse(each as string));
  const from = Math.min(...ms(starts), last);
  const to = Math.max(...ms(ends), from + HOUR_MS);
  const pad = (to - from) * PAD_RATIO;
  return from >= last ? [first, last] : [Math.max(first, from - pad), Math.min(last, to + pad)];
}

function band(tag: "div" | "button", className: string, from: number, to: number): HTMLElement {
  const element = el(tag, className);
  element.style.left = `${from}%`;
  element.style.width = `${Math.max(LEAST_PERCENT, to - from)}%`;
  return element;
}

function mark(element: HTMLElement, title: string, note: () => Node[]): HTMLElement {
  element.setAttribute("aria-label", title);
  element.dataset["mark"] = "";
  addNote(element, note);
  return element;
}

function heardLane(day: Day, now: number, listening: boolean, at: Place): HTMLElement[] {
  const hours = day.hours.scalp ? [band("div", "hours", at(Date.parse(day.hours.scalp.start)), at(Date.parse(day.hours.scalp.end ?? day.end)))] : [];
  const heard = day.heard.map((window) => spanOf(window, day, now, listening)).map(([from, to]) => band("div", "heard", at(from), at(to)));
  const gaps = day.gaps.map((gap) => {
    const end = gap.end === null ? (gap.open ? now : Date.parse(day.end)) : Date.parse(gap.end);
    const made = band("button", gap.open ? "gap open" : "gap", at(Date.parse(gap.start)), at(end));
    return mark(made, `${t("timeline.hole")}: ${code("reason", gap.reason)}, ${clockText(Date.parse(gap.start))}`, () => gapNote(gap, now));
  });
  const attempts = day.reconnects.map((attempt) => {
    const back = attempt.result === "SUCCESS";
    const made = el("button", back ? "attempt" : "attempt failed", back ? "▲" : "×");
    made.style.left = `${at(Date.parse(attempt.at))}%`;
    return mark(made, reconnectTitle(attempt, now), () => reconnectNote(attempt, now));
  });
  return [...hours, ...heard, ...gaps, ...attempts];
}

function rateLane(day: Day, now: number, listening: boolean, at: Place): HTMLElement[] {
  const normal = day.heard.map((window) => spanOf(window, day, now, listening)).map(([from, to]) => band("div", "normal", at(from), at(to)));
  const slowed = day.mitigation.map((each) => {
    const made = band("button", `slowed level-${each.level}`, at(Date.parse(each.start)), at(each.end === null ? now : Date.parse(each.end)));
    made.append(el("span", "", hzText(each.hz)));
    return mark(made, bandTitle(each, now), () => bandNote(each, now));
  });
  return [...normal, ...slowed];
}

function sweepLane(day: Day, at: Place): HTMLElement[] {
  const width = day.sweep_seconds * 1000;
  return day.sweeps.map((sweep) => {
    const from = Date.parse(sweep.slot);
    const made = band("button", `sweep ${sweep.state}${isPartial(sweep) ? " partial" : ""}`, at(from), at(from + width));
    return mark(made, sweepTitle(sweep), () => sweepNote(sweep));
  });
}

function slotLane(day: Day, at: Place): HTMLElement[] {
  const most = Math.max(1, ...day.slot_changes.map((each) => each.registered + each.unregistered));
  return day.slot_changes.map((each) => {
    const [from, count] = [Date.parse(each.minute), each.registered + each.unregistered];
    const made = band("button", "change", at(from), at(from + MINUTE_MS));
    made.style.setProperty("--share", String(count / most));
    const minute = `${clockText(from).slice(0, 5)} ${ZONE_NAME}`;
    const lines = [[t("slots.registered"), grouped(each.registered)], [t("slots.unregistered"), grouped(each.unregistered)]] as const;
    return mark(made, `${minute}: ${grouped(count)}`, () => noteOf(`${t("lane.slots")} · ${minute}`, "", lines, `system/events/${day.provider}/… slot_change`));
  });
}

function axis(from: number, to: number, at: Place): HTMLElement[] {
  const zero = Date.parse("2020-01-01T00:00:00+09:00");
  const step = HOUR_MS * ([0.25, 0.5, 1, 2, 3, 4].find((hours) => (to - from) / (hours * HOUR_MS) <= TICKS_MOST) ?? 6);
  const ticks: HTMLElement[] = [];
  for (let ms = zero + Math.ceil((from - zero) / step) * step; ms <= to; ms += step) {
    const tick = el("span", "", clockText(ms).slice(0, 5));
    tick.style.left = `${at(ms)}%`;
    if (at(ms) > 1.5 && at(ms) < 98.5) ticks.push(tick);
  }
  return ticks;
}

function lane(name: "heard" | "rate" | "sweeps" | "slots", marks: HTMLElement[]): HTMLElement[] {
  const track = el("div", `track lane-${name}`, ...marks, el("i", "now-line"));
  track.setAttribute("role", "group");
  track.setAttribute("aria-label", t(`lane.${name}`));
  const stops = marks.filter((each) => "mark" in each.dataset);
  stops.forEach((each, index) => (each.tabIndex = index === 0 ? 0 : -1));
  track.addEventListener("keydown", (event) => step(event, stops));
  return [el("div", "lane-name", t(`lane.${name}`)), track];
}

function step(event: KeyboardEvent, stops: HTMLElement[]): void {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  const next = stops[stops.indexOf(event.target as HTMLElement) + by];
  if (by === 0 || !next) return;
  for (const each of stops) each.tabIndex = each === next ? 0 : -1;
  next.focus();
  event.preventDefault();
}

export class Lanes {
  private drawn = "";
  private place: Place = () => 0;
  private shown: [from: number, to: number] = [0, 0];

  /** Draws the day where it differs from what is drawn; `key` says on what else it depends (language). */
  paint(day: Day, now: number, listening: boolean, key: string): void {
    const known = JSON.stringify([key, day, listening]);
    // What somebody points at, or has reached by keyboard, is not drawn anew under the hand.
    if (known === this.drawn || byId("lanes").matches(":hover, :focus-within")) return this.grow(now);
    this.drawn = known;
    this.draw(day, now, listening);
  }

  private draw(day: Day, now: number, listening: boolean): void {
    const [from, to] = rangeOf(day);
    this.shown = [Date.parse(day.start), Date.parse(day.end)];
    const at = (this.place = (ms: number): number => Math.min(100, Math.max(0, ((ms - from) / (to - from)) * 100)));
    const ticks = el("div", "ticks", ...axis(from, to, at));
    byId("lanes").replaceChildren(
      ...lane("heard", heardLane(day, now, listening, at)),
      ...lane("rate", rateLane(day, now, listening, at)),
      ...(day.sweeps.length ? lane("sweeps", sweepLane(day, at)) : []),
      ...(day.slot_changes.length ? lane("slots", slotLane(day, at)) : []),
      el("div", "lane-name zone", ZONE_NAME),
      ticks,
    );
    this.grow(now);
  }

  /** Moves the lines of now, which is cheaper than to draw the day again. */
  private grow(now: number): void {
    const outside = now < this.shown[0] || now >= this.shown[1];
    for (const nowLine of byId("lanes").querySelectorAll<HTMLElement>(".now-line")) {
      nowLine.hidden = outside;
      nowLine.style.left = `${this.place(now)}%`;
    }
  }
}
