// The address is the view: /dashboard/<symbol>/<size>?lang=…&theme=…&colors=… can be bookmarked and sent.
import { SIZES, type Size } from "./api";

export interface View {
  symbol: string | null;
  size: Size;
}

const DEFAULT_SIZE: Size = "1m";

export function readView(path: string = location.pathname): View {
  const [, symbol, size] = path.split("/").filter(Boolean).map(decodeURIComponent);
  const known = SIZES.find((each) => each === size);
  return { symbol: symbol ?? null, size: known ?? DEFAULT_SIZE };
}

export function addressOf(view: View): string {
  const place = view.symbol === null ? "/dashboard" : `/dashboard/${encodeURIComponent(view.symbol)}/${view.size}`;
  return place + location.search;
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
