// What the marks of a day say: attempts to connect, stretches of lower sampling, holes, sweeps.
import type { Gap } from "./api";
import type { MitigationBand, Reconnect, SweepSlot, Window } from "./dayapi";
import { clockText, durationText, grouped, momentText, NOT_KNOWN, ZONE_NAME } from "./format";
import { code, t } from "./i18n";
import { noteOf, type Lines } from "./notes";

const MEASURE_UNITS: Record<string, string> = { cpu_percent: "%", memory_percent: "%", disk_write_ms: "ms", queue_delay_ms: "ms" };

function at(iso: string, now: number): string {
  return `${momentText(iso, now)} ${ZONE_NAME}`;
}

function fromTo(window: Window, now: number): Lines {
  const end = window.end === null ? t("gaps.open") : at(window.end, now);
  const seconds = ((window.end === null ? now : Date.parse(window.end)) - Date.parse(window.start)) / 1000;
  return [[t("day.from"), at(window.start, now)], [t("day.to"), end], [t("day.length"), durationText(seconds)]];
}

/** `1 Hz`; what is not known is not guessed. */
export function hzText(hz: number | null | undefined): string {
  return hz === null || hz === undefined ? NOT_KNOWN : `${grouped(hz, hz < 1 ? 1 : 0)} Hz`;
}

export function reconnectTitle(attempt: Reconnect, now: number): string {
  const result = attempt.result === "SUCCESS" ? t("attempt.back") : t("attempt.failed");
  return [result, at(attempt.at, now), t("attempt.number", { n: attempt.attempt }), attempt.detail].filter(Boolean).join(" · ");
}

export function reconnectNote(attempt: Reconnect, now: number): Node[] {
  const lines: Lines = [
    [t("day.at"), at(attempt.at, now)],
    [t("proof.attempt"), grouped(attempt.attempt)],
    [t("attempt.waited"), durationText(attempt.backoff_seconds)],
  ];
  return noteOf(attempt.result === "SUCCESS" ? t("attempt.back") : t("attempt.failed"), attempt.detail, lines, attempt.raw_ref);
}

export function bandTitle(band: MitigationBand, now: number): string {
  return `${t("mitigation.level", { n: band.level })} · ${hzText(band.hz)} · ${momentText(band.start, now)} ${ZONE_NAME}`;
}

export function bandNote(band: MitigationBand, now: number): Node[] {
  const unit = MEASURE_UNITS[band.measure] ?? "";
  const measured: Lines = band.measure
    ? [[code("measure", band.measure), `${grouped(band.value, 1)} ${unit}`], [t("mitigation.threshold"), `${grouped(band.threshold)} ${unit}`]]
    : [];
  const lines = [...fromTo(band, now), [t("mitigation.samples"), hzText(band.hz)] as const, ...measured];
  return noteOf(t("mitigation.level", { n: band.level }), t("mitigation.help"), lines, band.raw_ref);
}

export function gapNote(gap: Gap, now: number): Node[] {
  return noteOf(`${t("timeline.hole")}: ${code("reason", gap.reason)}`, "", [...fromTo(gap, now), [t("gaps.scope"), gap.scope]], gap.raw_ref);
}

/** A sweep that was done, but not of all symbols. */
export function isPartial(sweep: SweepSlot): boolean {
  return Object.values(sweep.refused ?? {}).some((count) => count > 0);
}

export function sweepTitle(sweep: SweepSlot): string {
  const what = sweep.state === "done" && isPartial(sweep) ? t("sweep.partial") : code("sweep", sweep.state);
  const why = sweep.reason ? ` · ${code("missed", sweep.reason)}` : "";
  return `${clockText(Date.parse(sweep.slot)).slice(0, 5)} ${what}${why}`;
}

export function sweepNote(sweep: SweepSlot): Node[] {
  if (sweep.asked === null) {
    const why: Lines = sweep.reason ? [[t("gaps.reason"), code("missed", sweep.reason)]] : [];
    const help = sweep.state === "missing" && sweep.reason ? t("sweep_help.missed") : code("sweep_help", sweep.state);
    return noteOf(sweepTitle(sweep), help, why, sweep.raw_ref);
  }
  const refused = Object.entries(sweep.refused ?? {}).map(([reason, count]) => [code("refused", reason), grouped(count)] as const);
  const lines: Lines = [
    [t("sweep.asked"), grouped(sweep.asked)],
    [t("sweep.answered"), grouped(sweep.answered)],
    ...refused,
    ...(sweep.left ? [[t("sweep.left"), grouped(sweep.left)] as const] : []),
    [t("sweep.took"), durationText(sweep.seconds)],
  ];
  return noteOf(sweepTitle(sweep), code("sweep_help", sweep.state), lines, sweep.raw_ref);
}
