// Which days are safe elsewhere, and until when their raw files stay here.
import type { BackupDay } from "./dayapi";
import { byId, el, setText } from "./dom";
import { bytesText, momentText, NOT_KNOWN } from "./format";
import { code, t } from "./i18n";

const MARKS: Record<string, string> = { verified: "✓", failed: "!", not_due: "…" };
const TONES: Record<string, string> = { verified: "good", failed: "bad", not_due: "" };

export class BackupTable {
  private drawn = "";

  paint(days: readonly BackupDay[] | null, now: number, key: string): void {
    byId("backup-table").hidden = !days?.length;
    byId("backup-none").hidden = Boolean(days?.length);
    setText(byId("backup-none"), days ? t("backup.none") : t("observer.not_known"));
    const known = JSON.stringify([key, days]);
    if (!days || known === this.drawn) return;
    this.drawn = known;
    byId("backup-rows").replaceChildren(...days.map((each) => this.row(each, now)));
  }

  private row(each: BackupDay, now: number): HTMLElement {
    const head = el("th", "who", el("span", "", each.day), el("small", "", each.provider));
    head.scope = "row";
    const backup = el("td", `backup ${TONES[each.backup] ?? ""}`, `${MARKS[each.backup] ?? ""} ${code("backup", each.backup)}`);
    if (each.verified_at) backup.append(el("small", "", momentText(each.verified_at, now)));
    const kept = el("td", `keeping ${each.state}`, code("keeping", each.state), el("small", "", t("backup.until", { day: each.keep_until.slice(5) })));
    const line = el("tr", "", head, backup, kept, el("td", "number", each.raw_bytes ? bytesText(each.raw_bytes) : NOT_KNOWN));
    line.title = [each.reason, each.package ? `SHA-256 ${each.package}` : ""].filter(Boolean).join("\n");
    return line;
  }
}
