// The demo's button: pull the market's plug, and watch the hole being noticed, recorded and healed.
import { plug, unplug } from "./api";
import { byId, setText } from "./dom";
import { t } from "./i18n";

const UNPLUG_SECONDS = 15;

let outUntil = 0;
let failure = "";

export function paintUnplug(demo: boolean, hole: boolean, now: number): void {
  const left = Math.ceil((outUntil - now) / 1000);
  const button = byId("unplug");
  byId("demo").hidden = !demo;
  button.setAttribute("aria-pressed", String(left > 0));
  setText(button, left > 0 ? t("demo.plug", { left }) : t("demo.unplug"));
  setText(byId("demo-hint"), failure ? t("demo.failed", { why: failure }) : hint(left > 0, hole));
}

function hint(out: boolean, hole: boolean): string {
  if (out) return t("demo.watch");
  return outUntil > 0 && hole ? t("demo.waiting") : t("demo.hint");
}

async function press(): Promise<void> {
  const out = outUntil > Date.now();
  try {
    await (out ? plug() : unplug(UNPLUG_SECONDS));
    [outUntil, failure] = [Date.now() + (out ? 0 : UNPLUG_SECONDS * 1000), ""];
  } catch (error) {
    failure = (error as Error).message;
  }
  paintUnplug(true, document.body.classList.contains("hole"), Date.now());
}

export function startDemo(): void {
  byId("unplug").addEventListener("click", () => void press());
}
