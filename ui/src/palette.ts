// How a bar is coloured: up or down by the chosen convention, hollow where unknown, fainter where the provider made it.
import type { CandlestickData, HistogramData, UTCTimestamp, WhitespaceData } from "lightweight-charts";
import type { Bar } from "./api";
import { ZONE_OFFSET_SECONDS } from "./format";
import { cssColor, faded } from "./theme";

const PROVIDER_OPACITY = 0.55;
const VOLUME_OPACITY = 0.45;
const PROVIDER_VOLUME_OPACITY = 0.25;

export interface Palette {
  up: string;
  down: string;
  text: string;
  grid: string;
  border: string;
  muted: string;
  panel: string;
  band: string;
}

export function readPalette(): Palette {
  return {
    up: cssColor("--up"),
    down: cssColor("--down"),
    text: cssColor("--muted"),
    grid: cssColor("--grid"),
    border: cssColor("--border"),
    muted: cssColor("--faint"),
    panel: cssColor("--panel"),
    band: cssColor("--hole"),
  };
}

/** The chart knows only UTC; shifted by Korea's offset its axis breaks at Korean midnights and hours. */
export function chartTime(time: number): UTCTimestamp {
  return (time + ZONE_OFFSET_SECONDS) as UTCTimestamp;
}

function tone(bar: Bar, palette: Palette): string {
  return (bar.close as number) >= (bar.open as number) ? palette.up : palette.down;
}

export function candle(bar: Bar, palette: Palette): CandlestickData | WhitespaceData {
  const time = chartTime(bar.time);
  const { open, high, low, close } = bar;
  if (open === null || high === null || low === null || close === null) return { time };
  const color = bar.source === "provider" ? faded(tone(bar, palette), PROVIDER_OPACITY) : tone(bar, palette);
  const body = bar.state === "unknown" ? palette.panel : color;
  return { time, open, high, low, close, color: body, borderColor: color, wickColor: color };
}

export function volume(bar: Bar, palette: Palette): HistogramData | WhitespaceData {
  const time = chartTime(bar.time);
  if (bar.volume === null || bar.close === null || bar.open === null) return { time };
  const opacity = bar.source === "provider" ? PROVIDER_VOLUME_OPACITY : VOLUME_OPACITY;
  return { time, value: bar.volume, color: faded(tone(bar, palette), opacity) };
}
