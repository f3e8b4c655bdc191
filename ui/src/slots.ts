// Who has a slot and why, with how much of each was recorded and heard. Where a head is pressed, the rows are
// sorted by it; until then they keep the collector's order, and never move by themselves.
import type { Held } from "./api";
import type { SlotDecision, SymbolCompleteness } from "./dayapi";
import { byId, el, setClass, setText } from "./dom";
import { clockText, grouped, momentText, NOT_KNOWN, volumeText } from "./format";
import { code, lang, t } from "./i18n";

const COLUMNS = ["symbol", "trigger", "score", "since", "rate", "completeness"] as const;
type Column = (typeof COLUMNS)[number];
const VOLUME_MARKS: Record<string, string> = { complete: "✓", incomplete: "!", unknown: "?" };
const LOW_RATE = 0.97;

export interface SlotRow {
  symbol: string;
  name: string;
  held: Held | null;
  pinned: boolean;
  /** Why it got its slot, or lost it; undefined: it has had it from the start. */
  decision: SlotDecision | undefined;
  volume: SymbolCompleteness | undefined;
}

interface Line {
  row: SlotRow;
  line: HTMLTableRowElement;
  name: HTMLElement;
  trigger: HTMLElement;
  got: HTMLElement;
  score: HTMLElement;
  bar: HTMLElement;
  since: HTMLElement;
  rate: HTMLElement;
  volume: HTMLElement;
}

export class SlotTable {
  private readonly lines = new Map<string, Line>();
  private readonly heads: HTMLElement[];
  private sorted: Column | null = null;
  private falling = true;
  private order = "";

  constructor(private readonly onSelect: (symbol: string) => void) {
    this.heads = [...byId("slot-table").querySelectorAll<HTMLElement>("th[data-column]")];
    for (const head of this.heads) head.querySelector("button")?.addEventListener("click", () => this.sortBy(head.dataset["column"] as Column));
  }

  paint(rows: readonly SlotRow[], now: number): void {
    const present = new Set(rows.map((row) => row.symbol));
    for (const [symbol, { line }] of this.lines) {
      if (present.has(symbol)) continue;
      line.remove();
      this.lines.delete(symbol);
    }
    for (const row of rows) this.paintLine(this.lines.get(row.symbol) ?? this.add(row), row, now);
    this.arrange(rows);
    byId("slot-table").hidden = rows.length === 0;
  }

  private sortBy(column: Column): void {
    this.falling = this.sorted === column ? !this.falling : column !== "symbol" && column !== "trigger";
    this.sorted = column;
    for (const head of this.heads) {
      if (head.dataset["column"] === column) head.setAttribute("aria-sort", this.falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.order = "";
    this.arrange([...this.lines.values()].map((line) => line.row));
  }

  private arrange(rows: readonly SlotRow[]): void {
    const sorted = this.sorted === null ? [...rows] : [...rows].sort((a, b) => this.compare(a, b, this.sorted as Column));
    const order = sorted.map((row) => row.symbol).join();
    if (order === this.order) return;
    this.order = order;
    byId("slot-rows").append(...sorted.map((row) => (this.lines.get(row.symbol) as Line).line));
  }

  private compare(one: SlotRow, other: SlotRow, column: Column): number {
    const [a, b] = [valueOf(one, column), valueOf(other, column)];
    if (a === b) return one.symbol < other.symbol ? -1 : 1;
    // What is not known comes last, whichever way the rest is sorted.
    if (a === null || b === null) return a === null ? 1 : -1;
    return (a < b ? -1 : 1) * (this.falling ? -1 : 1);
  }

  private add(row: SlotRow): Line {
    const [name, score, bar] = [el("small"), el("span", "share-text"), el("span", "share")];
    const [trigger, got] = [el("span"), el("small")];
    const cell = (className: string, ...children: Node[]): HTMLElement => el("td", className, ...children);
    const link = el("a", "", row.symbol);
    link.href = `/dashboard/${encodeURIComponent(row.symbol)}/1m`;
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.onSelect(row.symbol);
    });
    const head = el("th", "who", link, name);
    head.scope = "row";
    const made = { since: cell("since number"), rate: cell("rate number"), volume: cell("volume number") };
    const line = el("tr", "", head, cell("trigger", trigger, got), cell("score", bar, score), made.since, made.rate, made.volume);
    const found = { row, line, name, trigger, got, score, bar, ...made };
    this.lines.set(row.symbol, found);
    return found;
  }

  private paintLine(line: Line, row: SlotRow, now: number): void {
    line.row = row;
    const { held, volume } = row;
    setText(line.name, row.name);
    setClass(line.line, held?.leaving ? "leaving" : held ? "" : "past");
    setText(line.trigger, triggerText(row));
    setText(line.got, gotText(row));
    line.got.title = row.decision?.raw_ref ?? "";
    const score = held?.trigger ? held.score : null;
    line.bar.hidden = score === null;
    line.bar.style.setProperty("--share", String(score ?? 0));
    setText(line.score, grouped(score, 2));
    setText(line.since, momentText(held?.since ?? null, now));
    setText(line.rate, ratioText(held?.record_rate ?? null));
    setClass(line.rate, `rate number${(held?.record_rate ?? 1) < LOW_RATE ? " low" : ""}`);
    setText(line.volume, volume ? `${VOLUME_MARKS[volume.status] ?? ""} ${ratioText(volume.ratio)}`.trim() : NOT_KNOWN);
    setClass(line.volume, `volume number ${volume?.status ?? ""}`);
    line.volume.title = volume ? volumeTitle(volume) : "";
  }
}

function volumeTitle(volume: SymbolCompleteness): string {
  const said = [code("volume", volume.status), t("volume.heard", { n: volumeText(volume.heard) }), t("volume.missing", { n: volumeText(volume.missing) })];
  if (volume.ratio_of_day !== null) said.push(t("volume.of_day", { n: ratioText(volume.ratio_of_day) }));
  return [...said, volume.raw_ref ?? ""].filter(Boolean).join(" · ");
}

function triggerText({ held, pinned, decision }: SlotRow): string {
  if (!held) return decision?.action === "unregister" ? t("slots.lost_at", { at: clockText(Date.parse(decision.at)) }) : t("slots.gone");
  const why = held.trigger === null ? NOT_KNOWN : held.trigger === "" ? t("slots.no_trigger") : code("trigger", held.trigger);
  const marks = [pinned ? t("slots.pinned") : "", held.leaving ? t("slots.leaving") : ""].filter(Boolean);
  return [why, ...marks].join(" · ");
}

/** Why the slot was given, or when it was lost; what is held from the start was among the busiest then. */
function gotText({ held, decision }: SlotRow): string {
  if (decision?.action !== "register") return held?.trigger === "" ? t("slots.busiest") : "";
  return decision.trigger === held?.trigger ? "" : t("slots.got_by", { trigger: code("trigger", decision.trigger), score: grouped(decision.score, 2) });
}

function ratioText(ratio: number | null): string {
  // Rounded down: what is not whole is never shown as whole.
  return ratio === null ? NOT_KNOWN : `${grouped(Math.floor(ratio * 10_000) / 100, 2)} %`;
}

function valueOf(row: SlotRow, column: Column): number | string | null {
  if (column === "symbol") return row.symbol;
  if (column === "trigger") return row.held?.trigger ? code("trigger", row.held.trigger) : null;
  if (column === "score") return row.held?.trigger ? row.held.score : null;
  if (column === "since") return row.held?.since ?? null;
  if (column === "rate") return row.held?.record_rate ?? null;
  return row.volume?.ratio ?? null;
}

/** The name in the reader's language, where there is one. */
export function nameOf(held: { name_ko: string; name_en: string } | null | undefined): string {
  if (!held) return "";
  return (lang() === "ko" ? held.name_ko : held.name_en) || held.name_ko || held.name_en;
}
