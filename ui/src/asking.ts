// Who asks for a slot in vain, and why: those who ask now, in the collector's words, or the day's overflow ledger.
import type { Asking } from "./api";
import type { OverflowLine } from "./dayapi";
import { byId, el, press, setText } from "./dom";
import { grouped, momentText } from "./format";
import { code, t } from "./i18n";

type Source = "now" | "ledger";

interface Shown extends Asking {
  timestamp?: string;
  raw_ref?: string;
}

export interface AskingFacts {
  /** null: not known, or the day is over. */
  now: { asking: number; written: number; first: readonly Asking[] } | null;
  ledger: { total: number; overflow: readonly OverflowLine[] } | null;
  nameOf(symbol: string): string;
  at: number;
}

export class AskingTable {
  private chosen: Source | null = null;
  private drawn = "";
  private readonly buttons = [...byId("asking-source").querySelectorAll<HTMLElement>("button")];

  constructor(onChoice: () => void) {
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        this.chosen = button.dataset["value"] as Source;
        onChoice();
      });
    }
  }

  paint(facts: AskingFacts, key: string): void {
    const source: Source = facts.now === null ? "ledger" : (this.chosen ?? "now");
    byId("asking-source").hidden = facts.now === null;
    press(this.buttons, source);
    const total = facts.ledger?.total ?? facts.now?.written ?? null;
    const shown: readonly Shown[] = source === "now" ? (facts.now?.first ?? []) : (facts.ledger?.overflow ?? []);
    const count = source === "now" ? t("asking.now", { n: grouped(facts.now?.asking) }) : t("asking.ledger", { n: grouped(total) });
    setText(byId("asking-count"), count);
    byId("asking-table").hidden = shown.length === 0;
    byId("asking-none").hidden = shown.length > 0;
    setText(byId("asking-none"), source === "now" ? t("asking.nobody") : facts.ledger ? t("asking.none") : t("observer.not_known"));
    const known = JSON.stringify([key, source, shown]);
    if (known === this.drawn) return;
    this.drawn = known;
    byId("asking-rows").replaceChildren(...shown.map((each) => this.row(each, facts)));
  }

  private row(each: Shown, facts: AskingFacts): HTMLElement {
    const bar = el("span", "share");
    bar.style.setProperty("--share", String(each.candidate_score));
    const head = el("th", "who", el("span", "", each.symbol), el("small", "", facts.nameOf(each.symbol)));
    head.scope = "row";
    const reason = el("td", "reason", code("decision", each.decision_reason));
    if (each.timestamp) reason.append(el("small", "", momentText(each.timestamp, facts.at)));
    const line = el(
      "tr",
      "",
      head,
      el("td", "score", bar, el("span", "share-text", grouped(each.candidate_score, 2))),
      el("td", "rank number", `${grouped(each.rank)} / ${grouped(each.cutoff_rank)}`),
      reason,
    );
    line.title = [code("decision_help", each.decision_reason), each.raw_ref ?? ""].filter(Boolean).join("\n");
    return line;
  }
}
