// The quote table: one row for each held slot, in the server's order. A changed cell fades; nothing moves.
import type { Quote } from "./api";
import { byId, el, setClass, setText } from "./dom";
import { changeText, decimalsOf, direction, grouped, volumeText } from "./format";
import { lang, t } from "./i18n";
import { matches } from "./search";
import { calm, cssColor } from "./theme";

const FLASH_MS = 700;
/** A fade in few steps looks the same and costs a tenth of the repainting. */
const FLASH_STEPS = 6;

interface Row {
  quote: Quote;
  decimals: number;
  line: HTMLTableRowElement;
  name: HTMLElement;
  last: HTMLElement;
  change: HTMLElement;
  bid: HTMLElement;
  ask: HTMLElement;
  volume: HTMLElement;
}

export class QuoteTable {
  private readonly rows = new Map<string, Row>();
  private readonly body = byId("quote-rows");
  private readonly box = byId("quote-box");
  private selected: string | null = null;
  private asked = "";

  constructor(private readonly onSelect: (symbol: string) => void) {
    this.body.addEventListener("click", (event) => {
      const symbol = (event.target as HTMLElement).closest("tr")?.dataset["symbol"];
      if (symbol) this.onSelect(symbol);
    });
  }

  get(symbol: string | null): Quote | undefined {
    return symbol === null ? undefined : this.rows.get(symbol)?.quote;
  }

  decimals(symbol: string): number {
    return this.rows.get(symbol)?.decimals ?? 0;
  }

  get firstShown(): string | undefined {
    return this.shown()[0];
  }

  take(quotes: readonly Quote[]): void {
    for (const quote of quotes) this.takeOne(quote);
    this.count();
  }

  select(symbol: string): void {
    if (this.selected) this.rows.get(this.selected)?.line.setAttribute("aria-selected", "false");
    this.selected = symbol;
    this.rows.get(symbol)?.line.setAttribute("aria-selected", "true");
    this.reveal();
  }

  /** The neighbour of the selected row among those shown. */
  neighbour(step: 1 | -1): string | undefined {
    const shown = this.shown();
    const at = this.selected === null ? -1 : shown.indexOf(this.selected);
    return at < 0 ? shown[0] : shown[Math.min(shown.length - 1, Math.max(0, at + step))];
  }

  filter(asked: string): void {
    this.asked = asked;
    for (const row of this.rows.values()) row.line.hidden = !matches(row.quote, asked);
    this.count();
  }

  relabel(): void {
    for (const row of this.rows.values()) this.paint(row, null);
    this.filter(this.asked);
  }

  private shown(): string[] {
    return [...this.rows.values()].filter((row) => !row.line.hidden).map((row) => row.quote.symbol);
  }

  private count(): void {
    const shown = this.shown().length;
    setText(byId("quote-count"), t("quotes.count", { shown, all: this.rows.size }));
    byId("quotes-empty").hidden = shown > 0;
    setText(byId("quotes-empty"), this.rows.size ? t("quotes.no_match", { asked: this.asked }) : t("quotes.empty"));
  }

  private takeOne(quote: Quote): void {
    const row = this.rows.get(quote.symbol) ?? this.add(quote);
    const before = row.quote;
    row.quote = quote;
    row.decimals = Math.max(row.decimals, decimalsOf(quote.last), decimalsOf(quote.bid), decimalsOf(quote.ask));
    this.paint(row, before);
  }

  private add(quote: Quote): Row {
    const cell = (className: string): HTMLTableCellElement => el("td", className);
    const name = el("small");
    const line = el("tr", "", el("td", "who", el("strong", "", quote.symbol), name));
    const row = { quote, decimals: 0, line, name, last: cell("last"), change: cell("change"), bid: cell("bid"), ask: cell("ask"), volume: cell("volume") };
    line.append(row.last, row.change, row.bid, row.ask, row.volume);
    line.dataset["symbol"] = quote.symbol;
    line.setAttribute("aria-selected", String(quote.symbol === this.selected));
    line.hidden = !matches(quote, this.asked);
    this.rows.set(quote.symbol, row);
    this.body.append(line);
    if (quote.symbol === this.selected) this.reveal();
    return row;
  }

  private paint(row: Row, before: Quote | null): void {
    const { quote, decimals } = row;
    setText(row.name, (lang() === "ko" ? quote.name_ko : quote.name_en) || quote.name_ko || quote.name_en);
    setClass(row.change, `change ${direction(quote.change_rate)}`);
    setText(row.change, changeText(quote.change_rate));
    setText(row.volume, volumeText(quote.volume));
    const cells = [[row.last, "last"], [row.bid, "bid"], [row.ask, "ask"]] as const;
    for (const [cell, field] of cells) {
      const changed = setText(cell, grouped(quote[field], decimals));
      const [was, is] = [before?.[field] ?? null, quote[field]];
      if (changed && was !== null && is !== null && was !== is) this.flash(cell, is > was ? "--up-flash" : "--down-flash");
    }
  }

  private flash(cell: HTMLElement, color: string): void {
    if (calm.matches || document.hidden) return;
    const [top, bottom] = [this.box.scrollTop - cell.offsetHeight, this.box.scrollTop + this.box.clientHeight];
    const at = (cell.parentElement as HTMLElement).offsetTop;
    if (at < top || at > bottom) return;
    cell.animate([{ backgroundColor: cssColor(color), offset: 0 }], {
      duration: FLASH_MS,
      easing: `steps(${FLASH_STEPS})`,
    });
  }

  /** Scrolls the table itself, never the page, so that the selected row is seen. */
  private reveal(): void {
    const line = this.selected === null ? undefined : this.rows.get(this.selected)?.line;
    if (!line) return;
    const head = (this.box.querySelector("thead") as HTMLElement).offsetHeight;
    if (line.offsetTop - head < this.box.scrollTop) this.box.scrollTop = line.offsetTop - head;
    const below = line.offsetTop + line.offsetHeight - this.box.clientHeight;
    if (below > this.box.scrollTop) this.box.scrollTop = below;
  }
}
