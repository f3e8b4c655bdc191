// The proof strip: what was heard and what became of it. Each figure opens its explanation and its evidence.
import type { Collector, State } from "./api";
import { byId, el, press, setText } from "./dom";
import { FigureStrip, type Figure } from "./figures";
import { bytesText, durationText, grouped, momentText, NOT_KNOWN, ZONE_NAME } from "./format";
import { code, t, type TextKey } from "./i18n";
import { marketNow } from "./markettime";
import { noteOf, type Lines } from "./notes";
import { STATE_MARKS } from "./pill";

const WORSE: Record<State, number> = { off_hours: 0, recording: 1, degraded: 2, not_recording: 3 };
const SLOW_MS = 100;
const FEW_DAYS = 7;

const NAMES = ["heard", "recorded", "refused", "lost", "rate", "delay", "disk", "connection", "reconnects"] as const;
type Name = (typeof NAMES)[number];

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0);
}

function reasons(prefix: string, counts: Record<string, number>): Lines {
  return Object.entries(counts).filter(([, n]) => n > 0).map(([name, n]) => [code(prefix, name), grouped(n)]);
}

function ledgerFigures(one: Collector): Record<"heard" | "recorded" | "refused" | "lost", Figure> | null {
  if (!one.ledger) return null;
  const { frames, events, control, quarantined } = one.ledger;
  const [lost, refused] = [sum(frames.lost), sum(events.refused)];
  const buffered = frames.received - frames.recorded - lost;
  const below = buffered === 0 ? t("proof.balanced") : t("proof.buffered", { n: grouped(buffered) });
  const eventLines: Lines = [
    [t("proof.events_decoded"), grouped(events.decoded)],
    [t("proof.events_recorded"), grouped(events.recorded)],
    [t("proof.events_refused"), grouped(refused)],
    [t("proof.events_waiting"), grouped(events.decoded - events.recorded - refused)],
    [t("proof.control"), grouped(control)],
  ];
  return {
    heard: { value: grouped(frames.received), below: t("proof.frames"), tone: "", made: eventLines },
    recorded: { value: grouped(frames.recorded), below, tone: buffered === 0 ? "good" : "", made: eventLines },
    refused: {
      value: grouped(refused + quarantined),
      below: refused + quarantined ? t("proof.with_reason") : t("proof.none"),
      tone: "",
      made: [...reasons("refusal", events.refused), [t("proof.quarantined"), grouped(quarantined)]],
    },
    lost: { value: grouped(lost), below: lost ? t("proof.see_reason") : t("proof.none"), tone: lost ? "bad" : "good", made: reasons("reason", frames.lost) },
  };
}

function flowFigures(one: Collector): Record<"rate" | "delay" | "disk", Figure> {
  const p99 = one.delay_ms?.durable_p99 ?? null;
  const [rate, disk] = [one.rate, one.disk];
  const days = disk?.days_left ?? null;
  const millis = (value: number | null | undefined): string => (value === null || value === undefined ? NOT_KNOWN : `${grouped(value, value < 10 ? 1 : 0)} ms`);
  return {
    rate: {
      value: rate ? grouped(rate.frames_per_second, 1) : NOT_KNOWN,
      below: t("proof.frames_per_second"),
      tone: "",
      made: rate ? [[t("proof.records_per_second"), grouped(rate.records_per_second, 1)]] : [],
    },
    delay: {
      value: millis(p99),
      below: t("proof.delay_below"),
      tone: p99 !== null && p99 > SLOW_MS ? "warn" : "",
      made: [["p50", millis(one.delay_ms?.durable_p50)], ["p99", millis(p99)]],
    },
    disk: {
      value: days === null ? bytesText(disk?.free_bytes) : days > 9999 ? t("proof.many_days") : t("proof.days", { n: grouped(Math.floor(days)) }),
      below: days === null ? t("proof.free") : t("proof.free_bytes", { size: bytesText(disk?.free_bytes) }),
      tone: days !== null && days < FEW_DAYS ? "bad" : "",
      made: [
        [t("proof.free"), bytesText(disk?.free_bytes)],
        [t("proof.per_day"), bytesText(disk?.bytes_per_day)],
        [t("proof.written"), bytesText(one.journal?.written_bytes)],
        [t("proof.pending"), bytesText(one.journal?.pending_bytes)],
        ...(one.journal?.fault ? [[t("proof.fault"), one.journal.fault] as const] : []),
      ],
    },
  };
}

function lineFigures(one: Collector, now: number): Record<"connection" | "reconnects", Figure> {
  const line = one.connection;
  const since = line?.since ? t("since", { at: `${momentText(line.since, now)} ${ZONE_NAME}` }) : "";
  const heard = line?.last_frame_at ? momentText(line.last_frame_at, now) : NOT_KNOWN;
  return {
    connection: {
      value: line ? code("connection", line.state) : NOT_KNOWN,
      below: since,
      tone: line?.state === "connected" ? "good" : one.state === "off_hours" ? "" : "bad",
      made: [
        [t("proof.provider"), one.provider],
        [t("proof.last_frame"), `${heard} ${ZONE_NAME}`],
        [t("proof.attempt"), grouped(line?.attempt)],
        [t("proof.slots"), one.slots ? `${one.slots.held.length} / ${one.slots.limit}` : NOT_KNOWN],
        [t("proof.unconfirmed"), line?.unconfirmed.length ? line.unconfirmed.join(", ") : "0"],
      ],
    },
    reconnects: {
      value: grouped(line?.reconnects),
      below: line ? t("proof.cut_off", { time: durationText(line.seconds_disconnected) }) : "",
      tone: "",
      made: [],
    },
  };
}

function explain(name: Name, made: Lines): Node[] {
  const evidence = `figure.${name}.evidence` as TextKey;
  return noteOf(t(`figure.${name}`), t(`figure.${name}.help`), made, t(evidence));
}

export class ProofStrip {
  private readonly strip = new FigureStrip(byId("figures"), NAMES, (name) => t(`figure.${name}`), explain);
  private collector: Collector | undefined;
  private chosen: string | null = null;
  private shownNames = "";

  constructor(private readonly onChoice: () => void) {
    this.relabel();
  }

  /** Whose proof is shown: the collector that was chosen, else the one that is worst off. */
  choose(collectors: readonly Collector[]): Collector | undefined {
    const worst = collectors.reduce<Collector | undefined>((found, each) => (found && WORSE[found.state] >= WORSE[each.state] ? found : each), undefined);
    const shown = collectors.find((each) => each.provider === this.chosen) ?? worst;
    this.paintChoice(collectors, shown);
    return shown;
  }

  private paintChoice(collectors: readonly Collector[], shown: Collector | undefined): void {
    const [box, names] = [byId("proof-providers"), collectors.map((each) => each.provider).join()];
    box.hidden = collectors.length < 2;
    if (names !== this.shownNames) {
      this.shownNames = names;
      const buttons = collectors.map(({ provider }) => {
        const button = el("button");
        button.dataset["value"] = provider;
        button.addEventListener("click", () => {
          this.chosen = provider;
          this.onChoice();
        });
        return button;
      });
      box.replaceChildren(...buttons);
    }
    const buttons = [...box.querySelectorAll<HTMLElement>("button")];
    for (const [place, each] of collectors.entries()) {
      const button = buttons[place];
      if (!button) continue;
      setText(button, `${STATE_MARKS[each.state]} ${each.provider}`);
      button.title = code("state", each.state);
    }
    press(buttons, shown?.provider ?? "");
  }

  relabel(): void {
    this.strip.relabel();
    this.take(this.collector, marketNow());
  }

  take(one: Collector | undefined, now: number): void {
    this.collector = one;
    this.strip.show(one ? { ...ledgerFigures(one), ...flowFigures(one), ...lineFigures(one, now) } : {});
    const session = one?.session_id ? t("proof.session", { id: one.session_id, at: momentText(one.started_at, now), zone: ZONE_NAME }) : "";
    setText(byId("session"), session);
  }
}
