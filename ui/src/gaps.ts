// The list of holes, newest first, each with its evidence: the journal's file and line that says so.
import type { Gap } from "./api";
import { byId, el, setText } from "./dom";
import { durationText, momentText, NOT_KNOWN, ZONE_NAME } from "./format";
import { code, t } from "./i18n";

const MOST_ROWS = 200;

function key(gap: Gap): string {
  return `${gap.start} ${gap.scope}`;
}

export class GapList {
  private gaps: Gap[] = [];

  constructor(private readonly onGap: (gap: Gap) => void) {}

  get all(): readonly Gap[] {
    return this.gaps;
  }

  set(gaps: readonly Gap[]): void {
    this.gaps = [...gaps].slice(0, MOST_ROWS);
  }

  /** Holes of a day's own file that the list does not have: it goes back only some hours. */
  add(gaps: readonly Gap[]): void {
    const known = new Set(this.gaps.map(key));
    const more = gaps.filter((gap) => !gap.open && !known.has(key(gap)));
    if (more.length) this.set([...this.gaps, ...more].sort((a, b) => Date.parse(b.start) - Date.parse(a.start)));
  }

  /** One hole opened, or closed: it takes the place of what was known of it. */
  take(gap: Gap): void {
    const others = this.gaps.filter((each) => key(each) !== key(gap) && !(each.open && each.scope === gap.scope));
    this.set([gap, ...others].sort((a, b) => Date.parse(b.start) - Date.parse(a.start)));
  }

  paint(now: number, knownFrom: string | null): void {
    const total = this.gaps.reduce((sum, gap) => sum + this.seconds(gap, now), 0);
    const count = this.gaps.length;
    setText(byId("gap-count"), count ? t("gaps.count", { n: count, time: durationText(total) }) : "");
    byId("gap-table").hidden = count === 0;
    byId("gaps-none").hidden = count > 0;
    const at = `${momentText(knownFrom, now)} ${ZONE_NAME}`;
    setText(byId("gaps-none"), knownFrom === null ? t("gaps.not_known") : t("gaps.none", { at }));
    byId("gap-rows").replaceChildren(...this.gaps.map((gap) => this.row(gap, now)));
  }

  private seconds(gap: Gap, now: number): number {
    return gap.open || gap.seconds === null ? (now - Date.parse(gap.start)) / 1000 : gap.seconds;
  }

  private row(gap: Gap, now: number): HTMLElement {
    const ref = el("td", "ref", el("bdi", "", gap.raw_ref ?? NOT_KNOWN));
    ref.title = gap.raw_ref ?? "";
    const end = gap.open || gap.end === null ? t("gaps.open") : momentText(gap.end, now);
    const line = el(
      "tr",
      gap.open ? "open" : "",
      el("td", "time", momentText(gap.start, now)),
      el("td", "time end", end),
      el("td", "seconds", durationText(this.seconds(gap, now))),
      el("td", "reason", code("reason", gap.reason)),
      el("td", "scope", gap.scope),
      ref,
    );
    line.addEventListener("click", () => this.onGap(gap));
    return line;
  }
}
