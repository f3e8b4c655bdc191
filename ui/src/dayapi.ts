// What the server says of the observer's days, as types. `null` means not known, never zero; times are ISO 8601 `Z`.
import { request, type Gap } from "./api";

/** From `start` to `end`; no end: it goes on, as far as is known. */
export interface Window {
  start: string;
  end: string | null;
}

export interface Reconnect {
  at: string;
  attempt: number;
  backoff_seconds: number;
  result: string;
  detail: string;
  raw_ref: string;
}

export interface MitigationBand extends Window {
  level: number;
  hz: number | null;
  measure: string;
  value: number | null;
  threshold: number | null;
  raw_ref: string;
}

export interface SweepSlot {
  slot: string;
  state: "done" | "late" | "missing" | "due";
  began: string | null;
  seconds: number | null;
  asked: number | null;
  answered: number | null;
  refused: Record<string, number> | null;
  left: number | null;
  raw_ref: string | null;
  /** Why it is missing; null: the journal does not say. */
  reason: string | null;
}

export interface Anomaly {
  at: string;
  condition: string;
  message: string;
  value: number | null;
  limit: number | null;
  unit: string | null;
  raw_ref: string;
}

/** The last that was decided of a symbol's slot on the day; no trigger: nothing asked for it. */
export interface SlotDecision {
  symbol: string;
  action: string;
  at: string;
  trigger: string;
  score: number | null;
  rank: number | null;
  held_seconds: number | null;
  raw_ref: string;
}

export interface Day {
  provider: string;
  market: string;
  zone: string;
  day: string;
  start: string;
  end: string;
  known_until: string | null;
  /** The record itself began on this day; null: it had begun before. */
  began: string | null;
  hours: { open: boolean; why: string; source: string; swing: Window | null; scalp: Window | null };
  sessions: { session_id: string; start: string | null; connected: string | null; end: string | null; how: string | null }[];
  heard: Window[];
  gaps: Gap[];
  reconnects: Reconnect[];
  mitigation: MitigationBand[];
  slot_changes: { minute: string; registered: number; unregistered: number }[];
  sweeps: SweepSlot[];
  sweep_seconds: number;
  anomalous: Anomaly[];
  pauses: (Window & { reason: string; raw_ref: string })[];
  slot_decisions: SlotDecision[];
  counts: { gaps: number; reconnects: number; attempts_failed: number; slot_changes: number };
  days: string[];
}

export interface OverflowLine {
  timestamp: string;
  symbol: string;
  candidate_score: number;
  rank: number;
  cutoff_rank: number;
  decision_reason: string;
  raw_ref: string;
}

export interface Universe {
  day: string;
  rule: { measure: string; minimum: number; unit: string; kinds: string[]; halted: string };
  prices_of: string;
  inputs: { what: string; ref: string; sha256: string }[];
  listed: number;
  excluded: Record<string, number>;
  count: number;
  sha256: string;
  path: string;
  intact: boolean;
}

export interface SymbolCompleteness {
  symbol: string;
  status: string;
  heard: number | null;
  missing: number | null;
  ratio: number | null;
  ratio_of_day: number | null;
  live: boolean;
  at: string | null;
  raw_ref: string | null;
}

export interface BackupDay {
  day: string;
  market: string;
  provider: string;
  raw_bytes: number;
  backup: string;
  verified_at: string | null;
  package: string | null;
  anomalous: string[];
  keep_until: string;
  state: string;
  reason: string;
}

/** Without a provider the server takes the first that it knows. */
function query(provider: string | null, day: string | null, more: Record<string, number> = {}): string {
  const asked = new URLSearchParams();
  if (provider !== null) asked.set("provider", provider);
  if (day !== null) asked.set("day", day);
  for (const [name, value] of Object.entries(more)) asked.set(name, String(value));
  return asked.toString();
}

/** The timeline of a day; `day` null: today, in the market's zone, or the last one where nobody records. */
export function getDay(provider: string | null, day: string | null): Promise<Day> {
  return request<Day>(`/api/day?${query(provider, day)}`);
}

/** The newest lines of the day's overflow ledger, and how many it has. */
export function getOverflow(provider: string | null, day: string | null, limit: number): Promise<{ total: number; overflow: OverflowLine[] }> {
  return request(`/api/overflow?${query(provider, day, { limit })}`);
}

/** The universe of the day, with `limit` of its symbols from `offset` on. */
export function getUniverse(provider: string | null, day: string | null, offset: number, limit: number): Promise<{ universe: Universe | null; symbols: string[] }> {
  return request(`/api/universe?${query(provider, day, { offset, limit })}`);
}

export async function getCompleteness(provider: string | null, day: string | null): Promise<SymbolCompleteness[]> {
  return (await request<{ completeness: SymbolCompleteness[] }>(`/api/completeness?${query(provider, day)}`)).completeness;
}

export async function getBackups(): Promise<BackupDay[]> {
  return (await request<{ backups: BackupDay[] }>("/api/backups")).backups;
}
