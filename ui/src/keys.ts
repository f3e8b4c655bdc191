// The keyboard: what the help dialog lists, and nothing that a form field or the browser wants for itself.
import { SIZES, type Size } from "./api";
import { byId } from "./dom";

export interface KeyEvents {
  step(by: 1 | -1): void;
  size(size: Size): void;
  place(place: "market" | "observer"): void;
  search(text: string): void;
  /** Enter in the search field: the first match is meant. */
  choose(): void;
}

function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

function openDialog(id: string): void {
  const dialog = byId<HTMLDialogElement>(id);
  if (!dialog.open) dialog.showModal();
}

function onKey(event: KeyboardEvent, events: KeyEvents): void {
  if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target) || document.querySelector("dialog[open]")) return;
  const size = /^[1-6]$/.test(event.key) ? SIZES[Number(event.key) - 1] : undefined;
  if (size) events.size(size);
  else if (event.code === "KeyM") events.place("market");
  else if (event.code === "KeyO") events.place("observer");
  else if (event.key === "ArrowDown") events.step(1);
  else if (event.key === "ArrowUp") events.step(-1);
  else if (event.key === "/") byId("search").focus();
  else if (event.key === "?") openDialog("help");
  else return;
  event.preventDefault();
}

function onSearchKey(event: KeyboardEvent, events: KeyEvents): void {
  const field = event.target as HTMLInputElement;
  if (event.isComposing) return;
  if (event.key === "Enter") events.choose();
  if (event.key === "Enter" || event.key === "Escape") {
    field.value = "";
    events.search("");
    field.blur();
  } else if (event.key === "ArrowDown") field.blur();
}

export function startKeys(events: KeyEvents): void {
  document.addEventListener("keydown", (event) => onKey(event, events));
  const field = byId<HTMLInputElement>("search");
  field.addEventListener("input", () => events.search(field.value));
  field.addEventListener("keydown", (event) => onSearchKey(event, events));
  for (const [button, dialog] of [["open-help", "help"], ["open-about", "about"]] as const) {
    byId(button).addEventListener("click", () => openDialog(dialog));
  }
}
