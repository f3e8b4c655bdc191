// The observer's day: whose and which, its hours, its figures, what makes it anomalous, and its lanes.
import type { Collector } from "./api";
import type { Day, SymbolCompleteness, Window } from "./dayapi";
import { spanOf } from "./days";
import { byId, el, press, setText } from "./dom";
import { FigureStrip, type Figure } from "./figures";
import { clockText, dayText, durationText, grouped, momentText, NOT_KNOWN, ZONE_NAME } from "./format";
import { code, lang, t } from "./i18n";
import { Lanes } from "./lanes";
import { hzText, isPartial } from "./marks";
import { addNote, noteOf, type Lines } from "./notes";

const NAMES = ["listened", "missed", "returns", "swept", "sampling", "volume", "changes"] as const;
type Name = (typeof NAMES)[number];

export interface DayFacts {
  day: Day | null;
  /** The collector of this provider, where it answers and the day is today. */
  collector: Collector | undefined;
  completeness: readonly SymbolCompleteness[];
  providers: readonly string[];
  now: number;
}

export interface DayEvents {
  onProvider(provider: string): void;
  /** null: today. */
  onDay(day: string | null): void;
}

function percentText(ratio: number): string {
  // Rounded down: what is not whole is never shown as whole.
  return `${grouped(Math.floor(ratio * 10_000) / 100, 2)} %`;
}

function cut(window: Window, day: Day, until: number): [number, number] {
  return [Date.parse(window.start), Math.min(window.end === null ? Date.parse(day.end) : Date.parse(window.end), until)];
}

/** How much of the scalp track's hours, as far as they are over, was listened to. */
function listened({ day, collector, now }: DayFacts): Figure | null {
  if (!day) return null;
  const hours = day.hours.scalp;
  if (!hours) return { value: NOT_KNOWN, below: t("day.closed"), tone: "", made: [] };
  const listening = collector?.connection?.state === "connected";
  const [opened, to] = cut(hours, day, now);
  // Before the record began nothing was missed.
  const from = day.began ? Math.max(opened, Date.parse(day.began)) : opened;
  if (to <= from) return { value: NOT_KNOWN, below: t("day.not_begun"), tone: "", made: [] };
  const within = (spans: [number, number][]): number => spans.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);
  const heard = within(day.heard.map((each) => spanOf(each, day, now, listening)));
  const held = Math.max(0, heard - holesWithin(day, from, to, now, listening));
  const share = held / (to - from);
  const made: Lines = [
    [t("day.hours"), windowText(hours, day)],
    [t("day.over"), durationText((to - from) / 1000)],
    [t("day.listened"), durationText(held / 1000)],
  ];
  return { value: percentText(share), below: from > opened ? t("since", { at: `${clockText(from)} ${ZONE_NAME}` }) : t("day.of_hours", { hours: windowText(hours, day) }), tone: share >= 0.999 ? "good" : "warn", made };
}

/** The part of the holes that lies where we listened: what lies outside was never counted as heard. */
function holesWithin(day: Day, from: number, to: number, now: number, listening: boolean): number {
  const spans = day.heard.map((each) => spanOf(each, day, now, listening));
  return day.gaps
    .filter((gap) => gap.scope !== "swing")
    .flatMap((gap) => {
      const [a, b] = cut({ start: gap.start, end: gap.end }, day, now);
      return spans.map(([x, y]) => Math.max(0, Math.min(b, y, to) - Math.max(a, x, from)));
    })
    .reduce((sum, each) => sum + each, 0);
}

export function windowText(window: Window, day: Day): string {
  if (window.start === day.start && window.end === day.end) return t("day.all_day");
  const clock = (iso: string): string => clockText(Date.parse(iso)).slice(0, 5);
  return `${clock(window.start)}–${window.end === null ? "" : clock(window.end)}`;
}

function missed(day: Day, now: number): Figure {
  const [from, end] = [Date.parse(day.start), Math.min(now, Date.parse(day.end))];
  const seconds = day.gaps.reduce((sum, gap) => sum + Math.max(0, (gap.end === null ? end : Date.parse(gap.end)) - Math.max(from, Date.parse(gap.start))) / 1000, 0);
  const byReason = new Map<string, number>();
  for (const gap of day.gaps) byReason.set(gap.reason, (byReason.get(gap.reason) ?? 0) + 1);
  const made: Lines = [...byReason].map(([reason, count]) => [code("reason", reason), grouped(count)] as const);
  const below = day.gaps.length ? t("day.in_all", { time: durationText(seconds) }) : t("proof.none");
  return { value: grouped(day.counts.gaps), below, tone: day.gaps.some((gap) => gap.open) ? "bad" : day.gaps.length ? "warn" : "good", made };
}

function returns(day: Day): Figure {
  const { reconnects, attempts_failed: failed } = day.counts;
  const below = failed ? t("day.failed", { n: grouped(failed) }) : reconnects ? "" : t("proof.none");
  return { value: grouped(reconnects), below, tone: reconnects + failed ? "warn" : "good", made: [[t("attempt.back"), grouped(reconnects)], [t("attempt.failed"), grouped(failed)]] };
}

function swept(day: Day): Figure | null {
  if (!day.sweeps.length) return null;
  const count = (state: string): number => day.sweeps.filter((each) => each.state === state).length;
  const [done, late, missing] = [count("done"), count("late"), count("missing")];
  const partial = day.sweeps.filter((each) => each.state === "done" && isPartial(each)).length;
  const said = [[late, t("sweep.n_late", { n: late })], [missing, t("sweep.n_missing", { n: missing })], [partial, t("sweep.n_partial", { n: partial })]] as const;
  const below = said.filter(([n]) => n > 0).map(([, text]) => text).join(" · ");
  const made: Lines = [[code("sweep", "done"), grouped(done)], [t("sweep.partial"), grouped(partial)], [code("sweep", "late"), grouped(late)], [code("sweep", "missing"), grouped(missing)], [code("sweep", "due"), grouped(count("due"))]];
  return { value: `${grouped(done)} / ${grouped(done + late + missing)}`, below: below || (done ? t("sweep.all_whole") : t("day.not_begun")), tone: late + missing ? "warn" : done ? "good" : "", made };
}

function sampling({ day, collector, now }: DayFacts): Figure | null {
  const highest = Math.max(0, ...(day?.mitigation ?? []).map((each) => each.level));
  const state = collector?.mitigation;
  if (!collector) return { value: highest ? t("mitigation.level", { n: highest }) : t("mitigation.normal"), below: t("mitigation.highest"), tone: highest ? "warn" : "good", made: [] };
  if (!state) return null;
  const since = state.since ? t("since", { at: `${momentText(state.since, now)} ${ZONE_NAME}` }) : "";
  const below = state.level ? `${t("mitigation.level", { n: state.level })} ${since}`.trim() : t("mitigation.normal");
  const made: Lines = [[t("mitigation.now"), hzText(state.hz)], [t("mitigation.highest"), grouped(highest)], ...(state.reason ? [[t("gaps.reason"), code("measure", state.reason)] as const] : [])];
  return { value: hzText(state.hz), below, tone: state.level ? "warn" : "good", made };
}

function volume(rows: readonly SymbolCompleteness[]): Figure | undefined {
  const known = rows.filter((each) => each.ratio !== null);
  if (!known.length) return undefined;
  const lowest = known.reduce((low, each) => ((each.ratio as number) < (low.ratio as number) ? each : low));
  const whole = known.filter((each) => each.status === "complete").length;
  const made: Lines = [[t("volume.lowest"), `${lowest.symbol} ${percentText(lowest.ratio as number)}`], [t("volume.complete"), grouped(whole)], [t("volume.incomplete"), grouped(known.length - whole)], [t("volume.unknown"), grouped(rows.length - known.length)]];
  return { value: percentText(lowest.ratio as number), below: t("volume.below", { n: grouped(whole), all: grouped(rows.length) }), tone: known.some((each) => each.status === "incomplete") ? "warn" : "good", made };
}

function explain(name: Name, made: Lines): Node[] {
  const evidence: Record<Name, string> = {
    listened: "system/events/… connected, gap_marker",
    missed: "system/events/… gap_marker",
    returns: "system/events/… reconnection_event",
    swept: "system/events/… swing_sweep",
    sampling: "system/events/… mitigation",
    volume: "system/events/… completeness",
    changes: "system/events/… slot_change",
  };
  return noteOf(t(`day_figure.${name}`), code("day_help", name), made, evidence[name]);
}

export class DayView {
  private readonly strip = new FigureStrip(byId("day-figures"), NAMES, (name) => t(`day_figure.${name}`), explain);
  private readonly lanes = new Lanes();
  private day: Day | null = null;
  private shownProviders = "";
  private shownConditions = "";

  constructor(private readonly events: DayEvents) {
    byId("day-before").addEventListener("click", () => this.go(1));
    byId("day-after").addEventListener("click", () => this.go(-1));
    byId("day-today").addEventListener("click", () => this.events.onDay(null));
    this.strip.relabel();
  }

  relabel(): void {
    this.strip.relabel();
    this.shownConditions = "";
  }

  private go(by: number): void {
    const days = this.day?.days ?? [];
    const at = this.day ? days.findIndex((day) => day <= (this.day as Day).day) : -1;
    const found = days[this.day && days[at] !== this.day.day && by > 0 ? at : at + by];
    if (found) this.events.onDay(found);
  }

  paint(facts: DayFacts): void {
    const { day, now } = facts;
    this.day = day;
    this.paintProviders(facts);
    byId("day-empty").hidden = day !== null;
    byId("lanes").hidden = day === null;
    if (!day) return this.strip.show({});
    setText(byId("day-name"), this.dayName(day));
    byId<HTMLButtonElement>("day-before").disabled = !day.days.some((each) => each < day.day);
    byId<HTMLButtonElement>("day-after").disabled = !day.days.some((each) => each > day.day);
    byId("day-today").hidden = now >= Date.parse(day.start) && now < Date.parse(day.end);
    setText(byId("day-hours"), day.hours.scalp ? t("day.track", { hours: windowText(day.hours.scalp, day) }) : `${t("day.closed")} (${day.hours.why}; ${day.hours.source})`);
    this.paintConditions(day);
    const known = volume(facts.completeness);
    this.strip.show({
      listened: listened(facts) ?? undefined,
      missed: missed(day, now),
      returns: returns(day),
      swept: swept(day),
      sampling: sampling(facts) ?? undefined,
      ...(known ? { volume: known } : {}),
      changes: { value: grouped(day.counts.slot_changes), below: day.slot_changes.length ? t("day.slot_minutes", { n: day.slot_changes.length }) : t("proof.none"), tone: "", made: [] },
    } as Partial<Record<Name, Figure | null>>);
    this.lanes.paint(day, now, facts.collector?.connection?.state === "connected", lang());
  }

  private dayName(day: Day): string {
    const noon = (Date.parse(day.start) + Date.parse(day.end)) / 2;
    const weekday = new Intl.DateTimeFormat(lang(), { weekday: "short", timeZone: day.zone }).format(noon);
    return `${day.day} (${weekday})`;
  }

  private paintProviders({ providers, day }: DayFacts): void {
    const known = providers.join();
    byId("providers").hidden = providers.length < 2;
    if (known !== this.shownProviders) {
      this.shownProviders = known;
      const buttons = providers.map((name) => {
        const button = el("button", "", name);
        button.dataset["value"] = name;
        button.addEventListener("click", () => this.events.onProvider(name));
        return button;
      });
      byId("providers").replaceChildren(...buttons);
    }
    press(byId("providers").querySelectorAll<HTMLElement>("button"), day?.provider ?? "");
  }

  private paintConditions(day: Day): void {
    const known = JSON.stringify(day.anomalous);
    if (known === this.shownConditions) return;
    this.shownConditions = known;
    const chips = day.anomalous.map((each) => {
      const chip = el("button", "chip", `! ${code("condition", each.condition)}`);
      const at = `${dayText(Date.parse(each.at)).slice(5)} ${clockText(Date.parse(each.at))} ${ZONE_NAME}`;
      const value: Lines = each.value === null ? [] : [[t("condition.value"), `${grouped(each.value, each.value % 1 ? 1 : 0)} ${each.unit ?? ""}`]];
      const limit: Lines = each.limit === null ? [] : [[t("condition.limit"), `${grouped(each.limit)} ${each.unit ?? ""}`]];
      addNote(chip, () => noteOf(`${t("condition.title")}: ${code("condition", each.condition)}`, each.message, [[t("day.at"), at], ...value, ...limit], each.raw_ref));
      return chip;
    });
    byId("conditions").replaceChildren(...(chips.length ? [el("span", "", t("condition.title")), ...chips] : []));
  }
}
