// The observer's view: what was decided and what became of it. It asks the server only while it is looked at.
import type { Collector, Status } from "./api";
import { AskingTable } from "./asking";
import { BackupTable } from "./backups";
import { getBackups, getCompleteness, getDay, getOverflow, getUniverse, type BackupDay, type Day, type OverflowLine, type SymbolCompleteness, type Universe } from "./dayapi";
import { DayView } from "./dayview";
import { byId, setText } from "./dom";
import { grouped } from "./format";
import { lang, t } from "./i18n";
import { marketNow } from "./markettime";
import { SlotTable, nameOf, type SlotRow } from "./slots";
import { UniverseCard } from "./universe";

const LEDGER_LINES = 200;
/** How often the server is asked, in ms: what moves often, and what is made once a day. */
const OFTEN_MS = 3000;
const SELDOM_MS = 15_000;

export interface ObserverEvents {
  onProvider(provider: string): void;
  onDay(day: string | null): void;
  onSelect(symbol: string): void;
}

interface Known {
  day: Day | null;
  ledger: { total: number; overflow: OverflowLine[] } | null;
  universe: Universe | null;
  completeness: SymbolCompleteness[];
  backups: BackupDay[] | null;
}

const NOTHING: Known = { day: null, ledger: null, universe: null, completeness: [], backups: null };

export class Observer {
  private known: Known = { ...NOTHING };
  private asked: { provider: string | null; day: string | null } = { provider: null, day: null };
  private status: Status | null = null;
  private shown = false;
  private round = 0;
  private seldomAt = 0;
  private oftenAt = 0;
  private readonly names = new Map<string, { name_ko: string; name_en: string }>();
  private readonly dayView: DayView;
  private readonly slots: SlotTable;
  private readonly asking = new AskingTable(() => this.paint());
  private readonly universe = new UniverseCard();
  private readonly backups = new BackupTable();

  constructor(events: ObserverEvents) {
    this.dayView = new DayView(events);
    this.slots = new SlotTable(events.onSelect);
  }

  show(provider: string | null, day: string | null): void {
    if (this.shown && this.asked.provider === provider && this.asked.day === day) return;
    this.asked = { provider, day };
    this.shown = true;
    this.round += 1;
    this.known = { ...NOTHING, backups: this.known.backups };
    [this.oftenAt, this.seldomAt] = [0, 0];
    this.tick();
  }

  hide(): void {
    this.shown = false;
  }

  takeStatus(status: Status): void {
    this.status = status;
    for (const { slots } of status.collectors) {
      for (const held of slots?.held ?? []) this.names.set(held.symbol, held);
      for (const { symbol, name_ko = "", name_en = "" } of slots?.overflow?.first ?? []) {
        if (name_ko || name_en) this.names.set(symbol, { name_ko, name_en });
      }
    }
  }

  relabel(): void {
    this.dayView.relabel();
    this.paint();
  }

  /** Call every second: asks for what is due, and paints. */
  tick(): void {
    if (!this.shown) return;
    const [now, provider] = [Date.now(), this.provider];
    if (this.status !== null && !document.hidden) {
      if (now - this.oftenAt >= OFTEN_MS) {
        this.oftenAt = now;
        void this.askOften(provider, this.round);
      }
      if (now - this.seldomAt >= SELDOM_MS) {
        this.seldomAt = now;
        void this.askSeldom(provider, this.round);
      }
    }
    this.paint();
  }

  private get provider(): string | null {
    return this.asked.provider ?? this.status?.collectors[0]?.provider ?? this.known.day?.provider ?? null;
  }

  private async askOften(provider: string | null, round: number): Promise<void> {
    const { day } = this.asked;
    await Promise.all([
      this.take(round, getDay(provider, day), (found) => (this.known.day = found)),
      this.take(round, getOverflow(provider, day, LEDGER_LINES), (found) => (this.known.ledger = found)),
    ]);
    if (round === this.round) this.paint();
  }

  private async askSeldom(provider: string | null, round: number): Promise<void> {
    const { day } = this.asked;
    await Promise.all([
      this.take(round, getUniverse(provider, day, 0, 0), (found) => (this.known.universe = found.universe)),
      this.take(round, getCompleteness(provider, day), (found) => (this.known.completeness = found)),
      this.take(round, getBackups(), (found) => (this.known.backups = found)),
    ]);
    if (round === this.round) this.paint();
  }

  /** An answer to another view's question is dropped; where none comes, what was known stays. */
  private async take<T>(round: number, answer: Promise<T>, keep: (found: T) => void): Promise<void> {
    const found = await answer.catch(() => null);
    if (found !== null && round === this.round) keep(found);
  }

  private paint(): void {
    if (!this.shown) return;
    const [now, key] = [marketNow(), lang()];
    const { day, universe, completeness, ledger, backups } = this.known;
    const collector = this.live(day, now);
    const providers = [...new Set([...(this.status?.collectors ?? []).map((one) => one.provider), ...(this.asked.provider ? [this.asked.provider] : [])])];
    this.dayView.paint({ day, collector, completeness, providers, now });
    const rows = this.rows(collector, completeness);
    this.slots.paint(rows, now);
    const held = collector?.slots?.held.length;
    setText(byId("slot-count"), collector?.slots ? t("slots.count", { n: grouped(held), limit: grouped(collector.slots.limit) }) : "");
    const words = wordsText(collector);
    byId("slot-words").hidden = !words;
    setText(byId("slot-words"), words);
    byId("slots").classList.toggle("past", day !== null && !collector);
    byId("slots-none").hidden = rows.length > 0;
    setText(byId("slots-none"), day && !collector ? t("slots.past") : t("observer.not_known"));
    const nobody = ledger?.total === 0 && !collector?.slots?.overflow;
    byId("asking").hidden = nobody;
    byId("observer").classList.toggle("no-asking", nobody);
    this.asking.paint({ now: collector?.slots?.overflow ?? null, ledger, nameOf: (symbol) => nameOf(this.names.get(symbol)), at: now }, key);
    this.universe.paint(universe, this.provider ?? "", day?.day ?? null, key);
    this.backups.paint(backups, now, key);
  }

  /** The collector whose day is looked at, while that day is today. */
  private live(day: Day | null, now: number): Collector | undefined {
    const isToday = day === null ? this.asked.day === null : now >= Date.parse(day.start) && now < Date.parse(day.end);
    return isToday ? this.status?.collectors.find((one) => one.provider === this.provider) : undefined;
  }

  /** Who has a slot, in the collector's order; then those that had one on this day. */
  private rows(collector: Collector | undefined, completeness: readonly SymbolCompleteness[]): SlotRow[] {
    const volumes = new Map(completeness.map((each) => [each.symbol, each]));
    const decisions = new Map((this.known.day?.slot_decisions ?? []).map((each) => [each.symbol, each]));
    const pins = new Set(collector?.pins ?? []);
    const held = (collector?.slots?.held ?? []).map((each) => {
      return { symbol: each.symbol, name: nameOf(each), held: each, pinned: pins.has(each.symbol), decision: decisions.get(each.symbol), volume: volumes.get(each.symbol) };
    });
    const present = new Set(held.map((row) => row.symbol));
    const gone = [...new Set([...decisions.keys(), ...volumes.keys()])].filter((symbol) => !present.has(symbol)).sort();
    const past = gone.map((symbol) => {
      return { symbol, name: nameOf(this.names.get(symbol)), held: null, pinned: false, decision: decisions.get(symbol), volume: volumes.get(symbol) };
    });
    return [...held, ...past];
  }
}

/** The operator's word: who always has a slot, and who never. */
function wordsText(collector: Collector | undefined): string {
  const [pins, excluded] = [collector?.pins ?? [], collector?.excluded ?? []];
  const said = [pins.length ? t("slots.pins", { symbols: pins.join(", ") }) : "", excluded.length ? t("slots.excluded", { symbols: excluded.join(", ") }) : ""];
  return said.filter(Boolean).join(" · ");
}
