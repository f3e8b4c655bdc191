// One answer to one question, legible from two metres: is it recording? And since when not, why, and what to do.
import type { State, Status } from "./api";
import { byId, setClass, setText } from "./dom";
import { clockText, durationText, momentText, ZONE_NAME } from "./format";
import { code, t } from "./i18n";
import type { Line } from "./live";

type Shown = State | "no_contact" | "waiting";

export const STATE_MARKS: Record<Shown, string> = { recording: "●", degraded: "◐", not_recording: "■", off_hours: "◇", no_contact: "▲", waiting: "○" };
const ICON_COLORS: Record<Shown, string> = {
  recording: "#12b886",
  degraded: "#f0a020",
  not_recording: "#e5484d",
  off_hours: "#8a93a6",
  no_contact: "#8a93a6",
  waiting: "#8a93a6",
};

function shownState(line: Line, status: Status | null): Shown {
  if (line.kind === "lost" || line.kind === "silent") return "no_contact";
  return status?.state ?? "waiting";
}

function icon(shown: Shown): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#11151d"/><circle cx="16" cy="16" r="9" fill="${ICON_COLORS[shown]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function sentence(shown: Shown, line: Line, status: Status | null, now: number): string {
  if (line.kind === "lost" || line.kind === "silent") {
    return t("pill.last_heard", { at: `${clockText(line.since)} ${ZONE_NAME}` });
  }
  if (shown === "waiting" || !status) return "";
  const since = status.since ? t("since", { at: `${momentText(status.since, now)} ${ZONE_NAME}` }) : "";
  const reason = status.reason ? code("reason", status.reason) : "";
  if (shown === "off_hours" && status.next_start) {
    // Until when comes first: on a phone the end is cut off. Hours begin on whole minutes.
    const next = t("pill.next", { at: `${momentText(status.next_start, now).slice(0, -":00".length)} ${ZONE_NAME}` });
    return [next, reason].filter(Boolean).join(" · ");
  }
  return [reason, since].filter(Boolean).join(" · ");
}

function banner(line: Line, status: Status | null, now: number): string {
  if (line.kind === "lost") {
    const wait = Math.max(0, Math.ceil((line.retryAt - now) / 1000));
    return t("banner.lost", { at: `${clockText(line.since)} ${ZONE_NAME}`, wait });
  }
  if (line.kind === "silent") {
    return t("banner.silent", { at: `${clockText(line.since)} ${ZONE_NAME}`, time: durationText((now - line.since) / 1000) });
  }
  const fault = status?.collectors.find((one) => one.journal?.state === "fault")?.journal;
  if (fault) return t("banner.fault", { what: fault.fault ?? "", at: `${momentText(fault.since, now)} ${ZONE_NAME}` });
  if (status?.state === "not_recording" && status.reason) {
    const remedy = code("remedy", status.reason);
    return remedy === status.reason ? "" : remedy;
  }
  return "";
}

let iconShown: Shown | null = null;

export function paintPill(line: Line, status: Status | null, now: number): void {
  const shown = shownState(line, status);
  setClass(byId("pill"), shown);
  setText(byId("pill-mark"), STATE_MARKS[shown]);
  setText(byId("pill-state"), code("state", shown));
  setText(byId("pill-reason"), sentence(shown, line, status, now));
  const text = banner(line, status, now);
  byId("banner").hidden = !text;
  setText(byId("banner-text"), text);
  byId("retry").hidden = line.kind !== "lost";
  document.body.classList.toggle("old", line.kind === "lost" || line.kind === "silent");
  if (iconShown !== shown) byId<HTMLLinkElement>("icon").href = icon(shown);
  iconShown = shown;
}

export function paintTitle(line: Line, status: Status | null, heading: string): void {
  const shown = shownState(line, status);
  const calm = shown === "recording" || shown === "waiting" || shown === "off_hours";
  document.title = `${calm ? heading : `${STATE_MARKS[shown]} ${code("state", shown)}`} · sise`;
}
