// The chart's heading (the selected instrument, now) and its legend (the bar under the crosshair, and how far to trust it).
import type { Bar, Quote } from "./api";
import { byId, el, setClass, setText } from "./dom";
import { changeText, clockText, dayText, direction, grouped, NOT_KNOWN, volumeText, ZONE_NAME } from "./format";
import { code, lang, t } from "./i18n";

export function paintHeading(symbol: string, quote: Quote | undefined, decimals: number): void {
  setText(byId("symbol"), symbol);
  setText(byId("name"), (lang() === "ko" ? quote?.name_ko : quote?.name_en) || quote?.name_ko || quote?.name_en || "");
  const change = direction(quote?.change_rate ?? null);
  setClass(byId("last"), `price ${change}`);
  setText(byId("last"), grouped(quote?.last, decimals));
  setClass(byId("change"), change);
  setText(byId("change"), quote && quote.change_rate !== null ? `${changeText(quote.change_rate)} %` : NOT_KNOWN);
  setText(byId("bid"), grouped(quote?.bid, decimals));
  setText(byId("ask"), grouped(quote?.ask, decimals));
  setText(byId("volume"), volumeText(quote?.volume));
}

function pair(name: string, value: string, className = ""): HTMLElement {
  return el("span", "", el("i", "", name), el("b", className, value));
}

/** What the bar is and where it comes from: `traded · live record`, `unknown · heard 40 %`. */
function trust(bar: Bar): string {
  const parts = [code("bar", bar.state)];
  if (bar.state === "unknown" && bar.coverage > 0) parts.push(t("bar.heard", { percent: grouped(bar.coverage * 100) }));
  if (bar.source !== null && bar.state !== "unknown") parts.push(code("source", bar.source));
  return parts.join(" · ");
}

export function paintLegend(bar: Bar | undefined, decimals: number): void {
  const legend = byId("legend");
  if (!bar) return legend.replaceChildren();
  const moment = `${dayText(bar.time * 1000)} ${clockText(bar.time * 1000)} ${ZONE_NAME}`;
  const parts = [el("span", "when", moment), el("span", `trust bar-${bar.state}`, trust(bar))];
  if (bar.open !== null && bar.close !== null) {
    const tone = direction(bar.close - bar.open);
    const prices = [["O", bar.open], ["H", bar.high], ["L", bar.low], ["C", bar.close]] as const;
    parts.push(...prices.map(([name, value]) => pair(code("ohlc", name), grouped(value, decimals), tone)));
    parts.push(el("span", tone, `${changeText(bar.open ? bar.close / bar.open - 1 : null)} %`));
    parts.push(pair(t("ohlc.V"), volumeText(bar.volume)));
    if (bar.trades !== null) parts.push(pair(t("ohlc.N"), grouped(bar.trades)));
  }
  legend.replaceChildren(...parts);
}
