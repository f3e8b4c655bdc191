// The chart: candles over volume, loaded by the visible range, live at its right edge, honest about holes.
import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type LogicalRange,
} from "lightweight-charts";
import { SIZE_SECONDS, getBars, type Bar, type Size } from "./api";
import { Bands, type BandLook } from "./bands";
import { BarRun, unknownBar } from "./bars";
import { chartOptions, FONT } from "./chartlook";
import { compact, decimalsOf, grouped } from "./format";
import { t } from "./i18n";
import { marketNow } from "./markettime";
import { candle, readPalette, volume, type Palette } from "./palette";
import { faded } from "./theme";

const PAGE_BARS = 500;
const TAIL_BARS = 120;
const LOAD_MARGIN_BARS = 80;
const FEW_CHANGED_BARS = 8;
const RIGHT_ROOM_BARS = 6;
const FIRST_SPACING_PX = 9;
/** So many pages in a row without one known bar end the search for older ones. */
const BLANK_PAGES_LIMIT = 4;

export type ChartState = "waiting" | "loading" | "ready" | "empty" | "failed";

export interface ChartEvents {
  onState(state: ChartState, detail: string): void;
  onBar(bar: Bar | undefined, decimals: number): void;
  onEdge(atNow: boolean): void;
}

export class ChartView {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  private palette: Palette = readPalette();
  private run = new BarRun(60);
  private symbol = "";
  private size: Size = "1m";
  private turn = 0;
  private loading = false;
  private blankPages = 0;
  private decimals = 0;

  constructor(box: HTMLElement, private readonly events: ChartEvents) {
    this.chart = createChart(box, { autoSize: true, ...chartOptions(this.palette, this.size) });
    this.candles = this.chart.addSeries(CandlestickSeries, { priceLineVisible: false, borderVisible: true });
    this.volumes = this.chart.addSeries(HistogramSeries, { priceLineVisible: false, lastValueVisible: false }, 1);
    this.volumes.applyOptions({ priceFormat: { type: "custom", formatter: (value: number) => compact(value), minMove: 0.001 } });
    const bars = (): readonly Bar[] => this.run.bars;
    const look = (): BandLook => this.bandLook();
    this.candles.attachPrimitive(new Bands(this.chart, this.candles, bars, look, true));
    this.volumes.attachPrimitive(new Bands(this.chart, this.volumes, bars, look, false));
    this.chart.panes()[0]?.setStretchFactor(4);
    this.chart.panes()[1]?.setStretchFactor(1);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.onRange(range));
    this.chart.subscribeCrosshairMove((at) => {
      const index = at.logical === undefined || at.point === undefined ? -1 : Math.round(at.logical);
      this.events.onBar(this.run.bars[index] ?? this.run.last, this.decimals);
    });
    this.applyLook();
  }

  private bandLook(): BandLook {
    const { band, muted } = this.palette;
    return { fill: faded(band, 0.08), line: faded(band, 0.42), text: band, empty: muted, label: t("chart.unknown"), font: `12px ${FONT}` };
  }

  applyLook(): void {
    this.palette = readPalette();
    this.chart.applyOptions(chartOptions(this.palette, this.size));
    this.paintAll();
  }

  async show(symbol: string, size: Size): Promise<void> {
    this.turn += 1;
    [this.symbol, this.size, this.decimals, this.blankPages] = [symbol, size, 0, 0];
    this.run = new BarRun(SIZE_SECONDS[size]);
    this.paintAll();
    this.chart.timeScale().applyOptions({ secondsVisible: size === "1s" || size === "10s" });
    this.events.onState("loading", "");
    await this.fill();
  }

  /** Loads the first page of what is chosen; again where that failed or gave nothing yet. */
  async fill(): Promise<void> {
    const turn = this.turn;
    await this.load(turn, PAGE_BARS, undefined);
    if (turn !== this.turn || !this.run.first) return;
    this.chart.priceScale("right").applyOptions({ autoScale: true });
    this.showEdge();
  }

  /** Loads the newest bars again: after a hole has closed, or after the server was away. */
  async refresh(): Promise<void> {
    if (!this.symbol || this.run.detached) return;
    const last = this.run.last;
    const missed = last ? Math.ceil((marketNow() / 1000 - last.time) / this.run.stepSeconds) : PAGE_BARS;
    await this.load(this.turn, Math.min(2000, TAIL_BARS + Math.max(0, missed)), undefined);
  }

  takeLive(symbol: string, size: Size, bars: readonly Bar[]): void {
    if (symbol !== this.symbol || size !== this.size || this.run.detached || !this.run.first) return;
    const [last, head] = [this.run.last as Bar, bars[0]];
    if (head && head.time > last.time + this.run.stepSeconds) void this.refresh();
    this.merge(bars);
  }

  /** While a hole is open nothing arrives: the intervals since its start are unknown, and shown as such. */
  growHole(sinceMs: number, nowMs: number): void {
    const { last, stepSeconds, detached } = this.run;
    if (!last || detached) return;
    const bars: Bar[] = [];
    const start = Math.max(last.time + stepSeconds, Math.floor(sinceMs / 1000 / stepSeconds) * stepSeconds);
    for (let time = start; time <= nowMs / 1000 && bars.length < PAGE_BARS; time += stepSeconds) bars.push(unknownBar(time));
    if (bars.length) this.merge(bars);
  }

  toNow(): void {
    if (this.run.detached) void this.show(this.symbol, this.size);
    else this.showEdge();
  }

  private showEdge(): void {
    const to = this.run.bars.length - 1 + RIGHT_ROOM_BARS;
    this.chart.timeScale().setVisibleLogicalRange({ from: to - this.chart.timeScale().width() / FIRST_SPACING_PX, to });
  }

  /** Brings the moment into the middle of the view, loading it where it is not held. */
  async jumpTo(ms: number): Promise<void> {
    const second = ms / 1000;
    if (this.run.indexOf(second) < 0) {
      await this.load(this.turn, PAGE_BARS, Math.floor(second) + (PAGE_BARS / 2) * this.run.stepSeconds);
    }
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const index = this.run.indexOf(second);
    if (!range || index < 0 || (index >= range.from && index <= range.to)) return;
    const half = (range.to - range.from) / 2;
    this.chart.timeScale().setVisibleLogicalRange({ from: index - half, to: index + half });
  }

  private async load(turn: number, limit: number, to: number | undefined): Promise<void> {
    if (this.loading && to !== undefined) return;
    this.loading = true;
    try {
      const bars = await getBars(this.symbol, this.size, limit, to);
      if (turn !== this.turn) return;
      const older = to !== undefined && to <= (this.run.first?.time ?? 0) + this.run.stepSeconds;
      if (older) this.blankPages = bars.some((bar) => bar.state !== "unknown") ? 0 : this.blankPages + 1;
      // Fewer than asked for: there is nothing older to ask for.
      if ((older || !this.run.first) && bars.length < limit) this.blankPages = BLANK_PAGES_LIMIT;
      this.takePage(bars, older);
      this.events.onState(this.run.first ? "ready" : "empty", "");
    } catch (error) {
      if (turn === this.turn && !this.run.first) this.events.onState("failed", String((error as Error).message));
    } finally {
      this.loading = false;
    }
  }

  /** Changes the run so that what is seen stays in its place; at the right edge the view moves along. */
  private keepView(change: () => void): void {
    const [first, last, step] = [this.run.first?.time, this.run.last?.time, this.run.stepSeconds];
    const range = this.chart.timeScale().getVisibleLogicalRange();
    change();
    if (!range || first === undefined || last === undefined || !this.run.first || !this.run.last) return;
    const following = range.to >= (last - first) / step && this.run.last.time > last;
    const shift = (first - this.run.first.time + (following ? this.run.last.time - last : 0)) / step;
    const now = this.chart.timeScale().getVisibleLogicalRange();
    if (shift === 0 && now?.to === range.to) return;
    this.chart.timeScale().setVisibleLogicalRange({ from: range.from + shift, to: range.to + shift });
  }

  private takePage(bars: readonly Bar[], older: boolean): void {
    this.keepView(() => {
      this.run.merge(bars, older ? "older" : "newer");
      if (!older && this.run.detached) this.run.detached = (this.run.last?.time ?? 0) + 2 * this.run.stepSeconds < marketNow() / 1000;
      this.paintAll();
    });
  }

  private merge(bars: readonly Bar[]): void {
    this.keepView(() => this.mergeLive(bars));
  }

  private mergeLive(bars: readonly Bar[]): void {
    const [first, length] = [this.run.first?.time, this.run.bars.length];
    this.run.merge(bars, "newer");
    const from = Math.min(length, ...bars.map((bar) => this.run.indexOf(bar.time)));
    if (this.run.first?.time !== first || from < 0 || this.run.bars.length - from > FEW_CHANGED_BARS) return this.paintAll();
    this.learnDecimals(bars);
    const lastShown = (this.run.bars[length - 1]?.time ?? 0) as number;
    for (const bar of this.run.bars.slice(from)) {
      this.candles.update(candle(bar, this.palette), bar.time < lastShown);
      this.volumes.update(volume(bar, this.palette), bar.time < lastShown);
    }
    this.events.onBar(this.run.last, this.decimals);
  }

  private paintAll(): void {
    this.learnDecimals(this.run.bars);
    this.candles.setData(this.run.bars.map((bar) => candle(bar, this.palette)));
    this.volumes.setData(this.run.bars.map((bar) => volume(bar, this.palette)));
    this.events.onBar(this.run.last, this.decimals);
  }

  private learnDecimals(bars: readonly Bar[]): void {
    const before = this.decimals;
    for (const bar of bars) this.decimals = Math.max(this.decimals, decimalsOf(bar.close), decimalsOf(bar.open));
    if (before === this.decimals && before > 0) return;
    const minMove = 10 ** -this.decimals;
    this.candles.applyOptions({ priceFormat: { type: "custom", formatter: (price: number) => grouped(price, this.decimals), minMove } });
  }

  private onRange(range: LogicalRange | null): void {
    const { first, last, bars, stepSeconds, detached } = this.run;
    if (!range || !first || !last) return;
    this.events.onEdge(!detached && range.to >= bars.length - 1);
    if (this.loading) return;
    if (range.from < LOAD_MARGIN_BARS && this.blankPages < BLANK_PAGES_LIMIT) void this.load(this.turn, PAGE_BARS, first.time);
    else if (detached && range.to > bars.length - LOAD_MARGIN_BARS) {
      void this.load(this.turn, PAGE_BARS, last.time + PAGE_BARS * stepSeconds);
    }
  }
}
