// What the server says, as types, and the few requests the page makes. `null` means not known, never zero.
// Times are ISO 8601 `Z`, except `Bar.time` (epoch seconds UTC).

export const SIZES = ["1s", "10s", "1m", "5m", "15m", "1h"] as const;
export type Size = (typeof SIZES)[number];
export const SIZE_SECONDS: Record<Size, number> = { "1s": 1, "10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600 };

/** `off_hours`: nothing is wrong, ticks are not meant to be recorded now. */
export type State = "recording" | "degraded" | "not_recording" | "off_hours";

export interface Gap {
  start: string;
  end: string | null;
  seconds: number | null;
  scope: string;
  reason: string;
  open: boolean;
  raw_ref: string | null;
}

/** A symbol with a slot: what asks for it now (empty: nothing), and since when it has it. */
export interface Held {
  symbol: string;
  name_ko: string;
  name_en: string;
  since: string | null;
  trigger: string | null;
  score: number | null;
  leaving: boolean | null;
  record_rate: number | null;
}

/** A candidate without a slot, and why. */
export interface Asking {
  symbol: string;
  candidate_score: number;
  rank: number;
  cutoff_rank: number;
  decision_reason: string;
  name_ko?: string;
  name_en?: string;
}

export interface Collector {
  provider: string;
  market: string;
  session_id: string | null;
  now: string;
  started_at: string | null;
  state: State;
  reason: string | null;
  since: string | null;
  connection?: {
    state: "connected" | "connecting" | "waiting" | "closed";
    since: string | null;
    attempt: number;
    reconnects: number;
    seconds_disconnected: number;
    last_frame_at: string | null;
    unconfirmed: string[];
  };
  slots?: { limit: number; held: Held[]; swaps: number | null; overflow: { asking: number; written: number; first: Asking[] } | null };
  ledger?: {
    frames: { received: number; recorded: number; lost: Record<string, number> };
    events: { decoded: number; recorded: number; refused: Record<string, number> };
    control: number;
    quarantined: number;
  };
  rate?: { frames_per_second: number; records_per_second: number };
  delay_ms?: { durable_p50: number | null; durable_p99: number | null };
  journal?: { state: "ok" | "fault"; fault: string | null; since: string | null; pending_bytes: number; written_bytes: number };
  disk?: { free_bytes: number | null; bytes_per_day: number | null; days_left: number | null };
  gap_open?: { start: string; scope: string; reason: string } | null;
  mitigation?: { level: number; hz: number; since: string | null; reason: string | null } | null;
  universe?: { day: string | null; symbols: number | null; last_good_of: string | null } | null;
  anomalous?: { day: string; conditions: { condition: string }[] } | null;
  pins?: string[] | null;
  excluded?: string[] | null;
}

export interface Status {
  state: State;
  reason: string | null;
  since: string | null;
  collectors: Collector[];
  stale_seconds: number | null;
  demo: boolean;
  /** When the first collector listens again, where all are off hours. */
  next_start: string | null;
}

export interface Quote {
  provider: string;
  market: string;
  symbol: string;
  name_ko: string;
  name_en: string;
  last: number | null;
  prev_close: number | null;
  change: number | null;
  change_rate: number | null;
  bid: number | null;
  ask: number | null;
  bid_size: number | null;
  ask_size: number | null;
  volume: number | null;
  event_time: string | null;
  receive_time: string | null;
  trade_side: string | null;
}

export interface Bar {
  time: number;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  volume: number | null;
  trades: number | null;
  state: "traded" | "empty" | "unknown";
  coverage: number;
  source: "live" | "provider" | null;
}

export type Message =
  | { type: "hello"; demo: boolean; version: string }
  | ({ type: "status" } & Status)
  | { type: "quotes"; quotes: Quote[] }
  | { type: "bars"; symbol: string; size: Size; bars: Bar[] }
  | { type: "gap"; gap: Gap };

const REQUEST_TIMEOUT_MS = 10_000;

export async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(path, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText} (${path})`);
  return (await answer.json()) as T;
}

export async function getQuotes(): Promise<Quote[]> {
  return (await request<{ quotes: Quote[] }>("/api/quotes")).quotes;
}

export async function getGaps(limit: number): Promise<Gap[]> {
  return (await request<{ gaps: Gap[] }>(`/api/gaps?limit=${limit}`)).gaps;
}

/** At most `limit` bars that start before `to` (epoch seconds; now where it is left out), oldest first. */
export async function getBars(symbol: string, size: Size, limit: number, to?: number): Promise<Bar[]> {
  const query = new URLSearchParams({ size, limit: String(limit) });
  if (to !== undefined) query.set("to", new Date(to * 1000).toISOString());
  return (await request<{ bars: Bar[] }>(`/api/bars/${encodeURIComponent(symbol)}?${query}`)).bars;
}

// The header is what a foreign page cannot send without being asked first: only our own page presses this.
const OUR_PAGE = { method: "POST", headers: { "X-Sise": "1", "Content-Type": "application/json" } };

export async function unplug(seconds: number): Promise<void> {
  await request("/api/demo/unplug", { ...OUR_PAGE, body: JSON.stringify({ seconds }) });
}

export async function plug(): Promise<void> {
  await request("/api/demo/plug", { ...OUR_PAGE, body: "{}" });
}
