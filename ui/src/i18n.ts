// Every word of the page lies in texts.json, in Korean and English. `t` takes a key that the table holds;
// `code` translates what the server names by a code, and shows the code itself where the table lacks it.
import texts from "./texts.json";
import { readChoice, writeChoice } from "./route";

export const LANGUAGES = ["ko", "en"] as const;
export type Language = (typeof LANGUAGES)[number];
export type TextKey = keyof typeof texts;
type Values = Record<string, string | number>;

const table: Record<string, Record<Language, string>> = texts;
const listeners: (() => void)[] = [];
let language: Language = readChoice("lang", LANGUAGES, navigator.language.startsWith("en") ? "en" : "ko");

export function lang(): Language {
  return language;
}

export function setLanguage(next: Language): void {
  language = next;
  writeChoice("lang", next, true);
  translatePage();
  for (const listener of listeners) listener();
}

export function onLanguage(listener: () => void): void {
  listeners.push(listener);
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t(key: TextKey, values: Values = {}): string {
  return fill(texts[key][language], values);
}

/** The text of `<prefix>.<code>`, or the code as it came: a new code must be seen, not hidden. */
export function code(prefix: string, name: string): string {
  return table[`${prefix}.${name}`]?.[language] ?? name;
}

/** Fills every element of the document that names its text: `data-t`, `data-t-title`, `data-t-label`, … */
export function translatePage(): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) element.textContent = t(element.dataset["t"] as TextKey);
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-title]")) element.title = t(element.dataset["tTitle"] as TextKey);
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset["tLabel"] as TextKey));
  }
  for (const element of document.querySelectorAll<HTMLInputElement>("[data-t-placeholder]")) {
    element.placeholder = t(element.dataset["tPlaceholder"] as TextKey);
  }
}
