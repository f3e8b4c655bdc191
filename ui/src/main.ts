// The page's switchboard: one view (symbol, bar size), one live line, and the parts that show what it brings.
import { getGaps, getQuotes, SIZES, type Gap, type Message, type Size, type Status } from "./api";
import { ChartView, type ChartState } from "./chart";
import { Days } from "./days";
import { paintUnplug, startDemo } from "./demo";
import { byId, press, setText } from "./dom";
import { clockText, dayText, grouped, changeText, ZONE_NAME } from "./format";
import { GapList } from "./gaps";
import { LANGUAGES, lang, onLanguage, setLanguage, t, translatePage } from "./i18n";
import { startKeys } from "./keys";
import { paintHeading, paintLegend } from "./legend";
import { Live, type Line } from "./live";
import { marketNow, takeMarketTime } from "./markettime";
import { hideNote } from "./notes";
import { Observer } from "./observer";
import { paintPill, paintTitle } from "./pill";
import { ProofStrip } from "./proof";
import { QuoteTable } from "./quotes";
import { onBack, pushView, readView, replaceView, type View } from "./route";
import { applyLook, COLORS, currentColors, currentTheme, onLook, setColors, setTheme, THEMES } from "./theme";
import { Timeline } from "./timeline";

const GAPS_LIMIT = 200;
const SECOND_MS = 1000;
const SETTLE_MS = 120;
const CHART_RETRY_MS = 3000;
/** A closed hole's last seconds reach the journal a moment after the notice of its end. */
const HEAL_WAIT_MS = 1500;
/** The day's marks (what was heard, attempts, mitigation) move seldom. */
const DAYS_EVERY_MS = 5000;
const PLACES = ["market", "observer"] as const;

const view: View = readView();
let status: Status | null = null;
let line: Line = { kind: "connecting" };
let settle = 0;
let shownAt = 0;
let chartState: ChartState = "waiting";
let chartTriedAt = 0;
let daysAt = 0;

const chart = new ChartView(byId("chart"), {
  onState: paintChartState,
  onBar: (bar, decimals) => paintLegend(bar, Math.max(decimals, quotes?.decimals(view.symbol ?? "") ?? 0)),
  onEdge: (atNow) => (byId("to-now").hidden = atNow),
});
const quotes: QuoteTable = new QuoteTable((symbol) => select(symbol, true));
const gaps = new GapList(showGap);
const timeline = new Timeline(showGap);
const proof = new ProofStrip(() => chooseProof());
const days = new Days();
const observer = new Observer({
  onProvider: (provider) => goObserver(provider, null),
  onDay: (day) => goObserver(view.provider ?? status?.collectors[0]?.provider ?? null, day),
  onSelect: (symbol) => select(symbol),
});
const live = new Live({ onMessage: take, onLine: takeLine, onBack: () => void reload() });

function showGap(gap: Gap): void {
  void chart.jumpTo(Date.parse(gap.start));
}

function paintChartState(state: ChartState, detail: string): void {
  [chartState, chartTriedAt] = [state, Date.now()];
  byId("chart-note").hidden = state === "ready";
  byId("chart-retry").hidden = state !== "failed";
  const texts = { waiting: t("quotes.empty"), loading: t("chart.loading"), ready: "", empty: t("chart.empty"), failed: t("chart.failed", { why: detail }) };
  setText(byId("chart-note-text"), texts[state]);
}

function showView(): void {
  hideNote();
  showPlace();
  if (view.place === "observer") return observer.show(view.provider, view.day);
  observer.hide();
  if (view.symbol === null) return;
  press(byId("sizes").querySelectorAll<HTMLElement>("button"), view.size);
  quotes.select(view.symbol);
  paintNow();
  clearTimeout(settle);
  // Held arrow keys pass many instruments: only where they rest is loaded.
  const wait = Date.now() - shownAt < SETTLE_MS ? SETTLE_MS : 0;
  shownAt = Date.now();
  settle = setTimeout(load, wait);
}

function showPlace(): void {
  byId("market-view").hidden = view.place !== "market";
  byId("observer").hidden = view.place !== "observer";
  for (const link of document.querySelectorAll<HTMLElement>("nav a[data-place]")) {
    if (link.dataset["place"] === view.place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  paintNow();
}

function go(place: View["place"]): void {
  if (view.place === place) return;
  view.place = place;
  if (place === "market") view.symbol ??= quotes.firstShown ?? null;
  pushView(view);
  showView();
  scrollTo(0, 0);
}

function goObserver(provider: string | null, day: string | null): void {
  [view.provider, view.day] = [provider, day];
  pushView(view);
  showView();
}

function load(): void {
  if (view.symbol === null) return;
  live.watch(view.symbol, view.size);
  void chart.show(view.symbol, view.size);
}

function select(symbol: string, byTouch = false): void {
  [view.place, view.symbol] = ["market", symbol];
  pushView(view);
  showView();
  if (byTouch && innerWidth < 700) byId("market").scrollIntoView({ block: "start" });
}

function chooseSize(size: Size): void {
  view.size = size;
  pushView(view);
  showView();
}

function take(message: Message): void {
  if (message.type === "bars") chart.takeLive(message.symbol, message.size, message.bars);
  else if (message.type === "quotes") takeQuotes(message.quotes);
  else if (message.type === "gap") takeGap(message.gap);
  else if (message.type === "status") takeStatus(message);
  else if (message.type === "hello") setText(byId("version"), message.version);
}

function takeQuotes(list: Parameters<QuoteTable["take"]>[0]): void {
  quotes.take(list);
  const first = quotes.firstShown;
  if (view.symbol === null && first && view.place === "market") {
    view.symbol = first;
    replaceView(view);
    showView();
  }
  paintMarket();
}

function takeGap(gap: Gap): void {
  gaps.take(gap);
  paintNow();
  if (!gap.open) setTimeout(() => void chart.refresh(), HEAL_WAIT_MS);
}

function takeStatus(next: Status): void {
  status = next;
  observer.takeStatus(next);
  takeMarketTime(next.collectors[0]?.now);
  paintNow();
}

function takeLine(next: Line): void {
  line = next;
  paintNow();
}

/** After an absence: everything that may have been missed is asked for again. */
async function reload(): Promise<void> {
  daysAt = 0;
  await Promise.all([loadQuotes(), loadGaps(), chart.refresh()]);
}

async function loadQuotes(): Promise<void> {
  takeQuotes(await getQuotes().catch(() => []));
}

async function loadGaps(): Promise<void> {
  const list = await getGaps(GAPS_LIMIT).catch(() => null);
  if (list) gaps.set(list);
  paintNow();
}

function paintMarket(): void {
  byId("market").classList.toggle("nothing", view.symbol === null);
  if (view.place === "observer") return paintTitle(line, status, t("title.observer"));
  if (view.symbol === null) return;
  const quote = quotes.get(view.symbol);
  const decimals = quotes.decimals(view.symbol);
  paintHeading(view.symbol, quote, decimals);
  const price = quote ? ` ${grouped(quote.last, decimals)} ${changeText(quote.change_rate)} %` : "";
  paintTitle(line, status, view.symbol + price);
}

function openGap(): { start: string } | null {
  return status?.collectors.find((one) => one.gap_open)?.gap_open ?? null;
}

/** The header's part of the page: the same in every place. */
function paintNow(): void {
  const now = marketNow();
  setText(byId("clock-time"), clockText(now));
  setText(byId("clock-day"), dayText(now));
  setText(byId("clock-zone"), ZONE_NAME);
  paintPill(line, status, line.kind === "open" ? now : Date.now());
  if (view.place === "observer") observer.tick();
  else paintProof(now);
  paintMarket();
}

function paintProof(now: number): void {
  const collector = proof.choose(status?.collectors ?? []);
  refreshDays(collector?.provider);
  const known = days.heardFrom;
  proof.take(collector, now);
  gaps.paint(now, known);
  const listening = collector?.connection?.state === "connected";
  timeline.paint({ knownFrom: known === null ? null : Date.parse(known), now, gaps: withOpen(now), days: days.all, listening });
  const open = openGap();
  paintUnplug(status?.demo ?? false, open !== null, Date.now());
  if (open && line.kind === "open") chart.growHole(Date.parse(open.start), now);
  document.body.classList.toggle("hole", open !== null);
  retryChart(Date.now());
}

/** Another collector's proof: its days are asked for at once. */
function chooseProof(): void {
  daysAt = 0;
  paintNow();
}

function refreshDays(provider: string | undefined): void {
  if (provider === undefined || line.kind !== "open" || Date.now() - daysAt < DAYS_EVERY_MS) return;
  daysAt = Date.now();
  void days.refresh(provider).then(() => gaps.add(days.gaps));
}

/** A chart without bars asks again by itself: the first bar of a fresh record comes a moment after its symbol. */
function retryChart(now: number): void {
  const lacking = chartState === "failed" || chartState === "empty";
  if (lacking && line.kind === "open" && now - chartTriedAt > CHART_RETRY_MS) void chart.fill();
}

/** The holes known, with the open one of the status where the list does not have it yet. */
function withOpen(now: number): readonly Gap[] {
  const open = status?.collectors.find((one) => one.gap_open)?.gap_open;
  if (!open || gaps.all.some((gap) => gap.open)) return gaps.all;
  const seconds = (now - Date.parse(open.start)) / 1000;
  return [{ ...open, end: null, seconds, open: true, raw_ref: null }, ...gaps.all];
}

function relabel(): void {
  press(byId("lang").querySelectorAll<HTMLElement>("button"), lang());
  proof.relabel();
  observer.relabel();
  quotes.relabel();
  chart.applyLook();
  paintNow();
}

function startChoices(): void {
  const choice = <T extends string>(id: string, allowed: readonly T[], current: () => T, set: (value: T) => void): void => {
    const buttons = byId(id).querySelectorAll<HTMLElement>("button");
    press(buttons, current());
    for (const button of buttons) {
      button.addEventListener("click", () => {
        const value = allowed.find((each) => each === button.dataset["value"]);
        if (value) set(value);
        press(buttons, current());
      });
    }
  };
  choice("lang", LANGUAGES, lang, setLanguage);
  choice("theme", THEMES, currentTheme, setTheme);
  choice("colors", COLORS, currentColors, setColors);
  choice("sizes", SIZES, () => view.size, chooseSize);
}

function start(): void {
  translatePage();
  applyLook();
  onLook(() => chart.applyLook());
  onLanguage(relabel);
  startChoices();
  startDemo();
  startKeys({
    step: (by) => void (quotes.neighbour(by) && select(quotes.neighbour(by) as string)),
    size: chooseSize,
    search: (text) => quotes.filter(text),
    place: go,
    choose: () => void (quotes.firstShown && select(quotes.firstShown)),
  });
  for (const link of document.querySelectorAll<HTMLAnchorElement>("nav a[data-place]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const place = PLACES.find((each) => each === link.dataset["place"]);
      if (place) go(place);
    });
  }
  onBack((next) => {
    Object.assign(view, next);
    showView();
  });
  byId("to-now").addEventListener("click", () => chart.toNow());
  byId("retry").addEventListener("click", () => live.retryNow());
  byId("chart-retry").addEventListener("click", () => showView());
  byId("menu").addEventListener("click", () => document.body.classList.toggle("menu"));
  chart.applyLook();
  if (view.symbol === null) paintChartState("waiting", "");
  showView();
  void loadQuotes();
  void loadGaps();
  setInterval(paintNow, SECOND_MS);
}

start();
