// The address is the view: /dashboard/<symbol>/<size> or /dashboard/observer/<provider>/<day>, each with
// ?lang=…&theme=…&colors=…, can be bookmarked and sent.
import { SIZES, type Size } from "./api";

export interface View {
  place: "market" | "observer";
  symbol: string | null;
  size: Size;
  /** The observer's: null is the first collector, and today. */
  provider: string | null;
  day: string | null;
}

const DEFAULT_SIZE: Size = "1m";
const OBSERVER = "observer";
const DAY_FORM = /^\d{4}-\d{2}-\d{2}$/;

export function readView(path: string = location.pathname): View {
  const [, first, second, third] = path.split("/").filter(Boolean).map(decodeURIComponent);
  const market = { place: "market" as const, symbol: null, size: DEFAULT_SIZE, provider: null, day: null };
  if (first === OBSERVER) {
    const day = third !== undefined && DAY_FORM.test(third) ? third : null;
    return { ...market, place: "observer", provider: second ?? null, day };
  }
  const known = SIZES.find((each) => each === second);
  return { ...market, symbol: first ?? null, size: known ?? DEFAULT_SIZE };
}

function placeOf(view: View): string[] {
  if (view.place === "observer") return [OBSERVER, view.provider, view.provider && view.day].filter((each) => each !== null && each !== "") as string[];
  return view.symbol === null ? [] : [view.symbol, view.size];
}

export function addressOf(view: View): string {
  return ["/dashboard", ...placeOf(view).map(encodeURIComponent)].join("/") + location.search;
}

export function pushView(view: View): void {
  const address = addressOf(view);
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
}

export function replaceView(view: View): void {
  history.replaceState(null, "", addressOf(view));
}

export function onBack(show: (view: View) => void): void {
  addEventListener("popstate", () => show(readView()));
}

/** A choice (language, theme, colours): from the address, else as last chosen, else `fallback`. */
export function readChoice<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  const asked = new URLSearchParams(location.search).get(name) ?? localStorage.getItem(`sise.${name}`);
  return allowed.find((each) => each === asked) ?? fallback;
}

/** Remembers a choice; it goes into the address too where the address already names it, or `shown` says so. */
export function writeChoice(name: string, value: string, shown = false): void {
  localStorage.setItem(`sise.${name}`, value);
  const url = new URL(location.href);
  if (!shown && !url.searchParams.has(name)) return;
  url.searchParams.set(name, value);
  history.replaceState(null, "", url.pathname + url.search);
}
