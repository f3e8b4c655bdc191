// Light or dark, and which colour means up. Colours live in CSS variables; canvases read them from there.
import { readChoice, writeChoice } from "./route";

export const THEMES = ["auto", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];
export const COLORS = ["kr", "west"] as const;
export type Colors = (typeof COLORS)[number];

const darkAsked = matchMedia("(prefers-color-scheme: dark)");
const listeners: (() => void)[] = [];
let theme: Theme = readChoice("theme", THEMES, "auto");
let colors: Colors = readChoice("colors", COLORS, "kr");

export function currentTheme(): Theme {
  return theme;
}

export function currentColors(): Colors {
  return colors;
}

export function applyLook(): void {
  const root = document.documentElement;
  root.dataset["theme"] = theme === "auto" ? (darkAsked.matches ? "dark" : "light") : theme;
  root.dataset["colors"] = colors;
  for (const listener of listeners) listener();
}

export function setTheme(next: Theme): void {
  theme = next;
  writeChoice("theme", next);
  applyLook();
}

export function setColors(next: Colors): void {
  colors = next;
  writeChoice("colors", next);
  applyLook();
}

export function onLook(listener: () => void): void {
  listeners.push(listener);
}

darkAsked.addEventListener("change", applyLook);

/** The value of a CSS variable of the page, e.g. `--up`. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** `#rrggbb` with an opacity between 0 and 1. */
export function faded(hex: string, opacity: number): string {
  return hex + Math.round(opacity * 255).toString(16).padStart(2, "0");
}

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
