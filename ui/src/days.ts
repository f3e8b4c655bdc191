// The days that the page holds: today, and the one before it, of one provider. What is over is asked for once.
import type { Gap } from "./api";
import { getDay, type Day, type Window } from "./dayapi";

export class Days {
  today: Day | null = null;
  private before: Day | null = null;
  private asking: Promise<void> | null = null;

  /** Asks for what is new of `provider`; what was known stays where the server does not answer. */
  refresh(provider: string): Promise<void> {
    this.asking ??= this.load(provider).finally(() => (this.asking = null));
    return this.asking;
  }

  private async load(provider: string): Promise<void> {
    const today = await getDay(provider, null).catch(() => null);
    if (!today) return;
    const earlier = today.days.find((day) => day < today.day);
    if (!earlier || this.before?.day !== earlier || this.before.provider !== provider) {
      this.before = earlier ? await getDay(provider, earlier).catch(() => null) : null;
    }
    this.today = today;
  }

  /** Both days, the older first. */
  get all(): readonly Day[] {
    return [this.before, this.today].filter((day) => day !== null);
  }

  get gaps(): readonly Gap[] {
    return this.all.flatMap((day) => day.gaps);
  }

  /** When the first data that is known of was heard; null: not known (yet). */
  get heardFrom(): string | null {
    return this.all.flatMap((day) => day.heard)[0]?.start ?? null;
  }
}

/** A window's ends in ms; one that goes on ends now, or where the day's last word was. */
export function spanOf(window: Window, day: Day, now: number, listening: boolean): [from: number, to: number] {
  const end = window.end ?? (listening ? null : day.known_until);
  return [Date.parse(window.start), Math.min(end === null ? now : Date.parse(end), Date.parse(day.end))];
}
