// The universe of the day: the rule, what it was made of, who was left out, and whether the file is as it was written.
import { getUniverse, type Universe } from "./dayapi";
import { byId, el, setText } from "./dom";
import { grouped, NOT_KNOWN } from "./format";
import { code, t } from "./i18n";
import type { Lines } from "./notes";

const SYMBOLS_AT_ONCE = 300;

export class UniverseCard {
  private drawn = "";
  private of: { provider: string; day: string | null } | null = null;
  private loaded = 0;
  private count = 0;

  constructor() {
    byId("universe-list").addEventListener("toggle", () => {
      if (byId<HTMLDetailsElement>("universe-list").open && this.loaded === 0) void this.more();
    });
    byId("universe-more").addEventListener("click", () => void this.more());
  }

  /** `day` is the day that is looked at; another one's universe had to serve where it differs. */
  paint(universe: Universe | null, provider: string, day: string | null, key: string): void {
    byId("universe").hidden = universe === null;
    const known = JSON.stringify([key, universe, day]);
    if (!universe || known === this.drawn) return;
    if (this.of?.provider !== provider || this.of.day !== universe.day) this.forget();
    this.drawn = known;
    this.of = { provider, day: universe.day };
    this.count = universe.count;
    setText(byId("universe-count"), t("universe.count", { n: grouped(universe.count), all: grouped(universe.listed) }));
    const lines = this.lines(universe, day).flatMap(([name, value]) => [el("dt", "", name), el("dd", "", value)]);
    byId("universe-facts").replaceChildren(...lines);
    const state = byId("universe-state");
    state.className = universe.intact ? "chip good" : "chip bad";
    setText(state, universe.intact ? `✓ ${t("universe.intact")}` : `! ${t("universe.changed")}`);
    state.title = `SHA-256 ${universe.sha256}`;
  }

  private lines(universe: Universe, day: string | null): Lines {
    const { rule } = universe;
    const kinds = rule.kinds.length ? ` · ${rule.kinds.map((each) => code("kind", each)).join(", ")}` : "";
    const left = Object.entries(universe.excluded).map(([reason, count]) => `${code("excluded", reason)} ${grouped(count)}`);
    const old: Lines = day !== null && universe.day !== day ? [[t("universe.day"), universe.day]] : [];
    return [
      ...old,
      [t("universe.rule"), `${code("rule", rule.measure)} ≥ ${grouped(rule.minimum)} ${rule.unit}${kinds}`],
      [t("universe.left_out"), left.join(" · ") || t("proof.none")],
      [t("universe.prices_of"), universe.prices_of],
      [t("universe.source"), universe.inputs.map((each) => each.ref).join(", ") || NOT_KNOWN],
      [t("evidence"), universe.path],
    ];
  }

  private forget(): void {
    this.loaded = 0;
    byId<HTMLDetailsElement>("universe-list").open = false;
    byId("universe-symbols").replaceChildren();
  }

  private async more(): Promise<void> {
    if (!this.of) return;
    const { symbols } = await getUniverse(this.of.provider, this.of.day, this.loaded, SYMBOLS_AT_ONCE);
    this.loaded += symbols.length;
    byId("universe-symbols").append(...symbols.map((symbol) => el("li", "", symbol)));
    byId("universe-more").hidden = this.loaded >= this.count;
  }
}
