// What candles cannot say, drawn under them: unknown time as a hatched band, a proven empty bar as a thin line.
import type { IChartApi, IPrimitivePaneRenderer, IPrimitivePaneView, ISeriesApi, ISeriesPrimitive, Time } from "lightweight-charts";
import type { Bar } from "./api";
import { knownCloseBefore } from "./bars";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];
type Series = ISeriesApi<"Candlestick"> | ISeriesApi<"Histogram">;

export interface BandLook {
  fill: string;
  line: string;
  text: string;
  empty: string;
  label: string;
  font: string;
}

const HATCH_STEP_PX = 7;
const LABEL_FROM_PX = 64;
const EMPTY_TICK_PX = 3;

export class Bands implements ISeriesPrimitive<Time> {
  private readonly view: IPrimitivePaneView = {
    zOrder: () => "bottom",
    renderer: () => ({ draw: (target: Target) => this.draw(target) }),
  };
  private readonly views = [this.view];

  constructor(
    private readonly chart: IChartApi,
    private readonly series: Series,
    private readonly bars: () => readonly Bar[],
    private readonly look: () => BandLook,
    private readonly main: boolean,
  ) {}

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  private draw(target: Target): void {
    const bars = this.bars();
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range || !bars.length) return;
    const [from, to] = [Math.max(0, Math.floor(range.from)), Math.min(bars.length - 1, Math.ceil(range.to))];
    const spacing = scale.options().barSpacing;
    const middle = (index: number): number => scale.logicalToCoordinate(index as never) ?? 0;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      let start = -1;
      for (let index = from; index <= to + 1; index += 1) {
        const bar = index <= to ? bars[index] : undefined;
        if (bar?.state === "unknown") {
          if (start < 0) start = index;
          continue;
        }
        if (start >= 0) this.band(context, middle(start) - spacing / 2, middle(index - 1) + spacing / 2, mediaSize.height);
        start = -1;
        if (bar?.state === "empty") this.empty(context, bars, index, middle(index), spacing, mediaSize.height);
      }
    });
  }

  private band(context: CanvasRenderingContext2D, left: number, right: number, height: number): void {
    const look = this.look();
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.fillStyle = look.fill;
    context.fillRect(left, 0, right - left, height);
    context.strokeStyle = look.line;
    context.lineWidth = 1;
    context.beginPath();
    // The lines start on a fixed grid, so that neighbouring bands join and a growing one does not shimmer.
    for (let x = Math.floor((left - height) / HATCH_STEP_PX) * HATCH_STEP_PX; x < right; x += HATCH_STEP_PX) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    if (this.main && right - left >= LABEL_FROM_PX) {
      context.font = look.font;
      context.fillStyle = look.text;
      context.textAlign = "center";
      context.fillText(look.label, (left + right) / 2, height - 8);
    }
    context.restore();
  }

  private empty(
    context: CanvasRenderingContext2D,
    bars: readonly Bar[],
    index: number,
    x: number,
    spacing: number,
    height: number,
  ): void {
    context.fillStyle = this.look().empty;
    const width = Math.max(1, spacing * 0.6);
    const close = this.main ? knownCloseBefore(bars, index) : null;
    const y = close === null ? null : this.series.priceToCoordinate(close);
    if (y !== null) context.fillRect(x - width / 2, Math.round(y), width, 1);
    else context.fillRect(x - width / 2, height - EMPTY_TICK_PX, width, 1);
  }
}
