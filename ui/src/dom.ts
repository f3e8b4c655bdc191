// The few strokes with which the page is drawn. Text is always set as text, never as markup.

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html lacks #${id}`);
  return found as T;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Sets a text only where it differs, so that an unchanged cell costs nothing. Says whether it did. */
export function setText(element: HTMLElement, text: string): boolean {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

export function setClass(element: HTMLElement, className: string): void {
  if (element.className !== className) element.className = className;
}

/** A row of buttons of which one is pressed. */
export function press(buttons: Iterable<HTMLElement>, value: string): void {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["value"] === value));
}
