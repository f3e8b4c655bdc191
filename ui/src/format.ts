// Numbers and times as people read them: thousands grouped, the market's own decimals, Korean time, the zone said.
import { lang } from "./i18n";

export const ZONE = "Asia/Seoul";
export const ZONE_NAME = "KST";
/** Korea keeps no summer time, so its offset is one number. */
export const ZONE_OFFSET_SECONDS = 9 * 3600;
export const NOT_KNOWN = "–";
const COMPACT_FROM = 1e6;
const MOST_DECIMALS = 8;

const cache = new Map<string, Intl.NumberFormat>();

function formatter(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = lang() + JSON.stringify(options);
  let found = cache.get(key);
  if (!found) cache.set(key, (found = new Intl.NumberFormat(lang(), options)));
  return found;
}

export function grouped(value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined) return NOT_KNOWN;
  return formatter({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
}

/** How many decimals the number's own text has: what the market sent, not what we like. */
export function decimalsOf(value: number | null): number {
  if (value === null) return 0;
  const text = String(value);
  const small = /^(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (small) return Math.min(MOST_DECIMALS, Number(small[3]) + (small[2]?.length ?? 0));
  const point = text.indexOf(".");
  return point < 0 ? 0 : Math.min(MOST_DECIMALS, text.length - point - 1);
}

/** A volume: whole and grouped when large, compact when very large, four significant digits when small. */
export function volumeText(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOT_KNOWN;
  if (value >= COMPACT_FROM) return compact(value, 4);
  if (value >= 1000) return grouped(value);
  return formatter({ minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(value);
}

/** Few digits for an axis: `25`, `1.5K` or `1.5천`, `827B`. */
export function compact(value: number, digits = 3): string {
  // What the axis' own arithmetic leaves beside zero is zero.
  if (Math.abs(value) < 10 ** -MOST_DECIMALS) return "0";
  return formatter({ notation: "compact", maximumSignificantDigits: digits }).format(value);
}

/** ▲ 1.23 % – the arrow says what the colour says. */
export function changeText(rate: number | null): string {
  if (rate === null) return NOT_KNOWN;
  const arrow = rate > 0 ? "▲" : rate < 0 ? "▼" : "‒";
  return `${arrow} ${grouped(Math.abs(rate * 100), 2)}`;
}

export function direction(change: number | null): "up" | "down" | "flat" {
  if (change === null || change === 0) return "flat";
  return change > 0 ? "up" : "down";
}

export function bytesText(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOT_KNOWN;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [size, unit] = [value, 0];
  while (size >= 1000 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${grouped(size, size < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

const clockParts = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayParts = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" });

/** `13:24:11` in Korean time. */
export function clockText(ms: number): string {
  return clockParts.format(ms);
}

/** `2026-11-20` in Korean time. */
export function dayText(ms: number): string {
  return dayParts.format(ms);
}

/** The clock time, with the day before it where it was another day than `now`'s. */
export function momentText(iso: string | null, now: number): string {
  if (iso === null) return NOT_KNOWN;
  const ms = Date.parse(iso);
  const day = dayText(ms);
  return day === dayText(now) ? clockText(ms) : `${day.slice(5)} ${clockText(ms)}`;
}

/** `8.4 s`, `3:05`, `1:02:03`: how long, from tenths of a second to days. */
export function durationText(seconds: number | null): string {
  if (seconds === null) return NOT_KNOWN;
  if (seconds < 60) return `${grouped(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${grouped(hours)}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
