// A note beside what it explains: on hover for a moment, on click or touch until closed.
import { byId, el } from "./dom";
import { t } from "./i18n";

const ROOM_PX = 8;
const HOVER_WAIT_MS = 350;

export type Lines = readonly (readonly [name: string, value: string])[];

/** What a note holds: a heading, a sentence, what the thing is made of, and where its evidence lies. */
export function noteOf(heading: string, help: string, lines: Lines, evidence: string | null): Node[] {
  const made = lines.flatMap(([what, value]) => [el("dt", "", what), el("dd", "", value)]);
  return [
    el("h3", "", heading),
    ...(help ? [el("p", "", help)] : []),
    ...(made.length ? [el("dl", "", ...made)] : []),
    ...(evidence ? [el("p", "evidence", el("span", "", t("evidence")), el("code", "", evidence))] : []),
  ];
}

let pinned: HTMLElement | null = null;
let timer = 0;

function place(note: HTMLElement, anchor: HTMLElement): void {
  const [at, size] = [anchor.getBoundingClientRect(), note.getBoundingClientRect()];
  const left = Math.min(Math.max(ROOM_PX, at.left), innerWidth - size.width - ROOM_PX);
  const above = at.top - size.height - ROOM_PX;
  note.style.left = `${left}px`;
  note.style.top = `${above >= ROOM_PX ? above : Math.min(at.bottom + ROOM_PX, innerHeight - size.height - ROOM_PX)}px`;
}

function show(anchor: HTMLElement, content: () => Node[]): void {
  const note = byId("note");
  note.replaceChildren(...content());
  note.showPopover();
  place(note, anchor);
}

export function hideNote(): void {
  pinned = null;
  clearTimeout(timer);
  const note = byId("note");
  if (note.matches(":popover-open")) note.hidePopover();
}

/** Gives `anchor` a note; its content is made when it is shown, so that it says what is so then. */
export function addNote(anchor: HTMLElement, content: () => Node[]): void {
  anchor.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "mouse" || pinned) return;
    clearTimeout(timer);
    timer = setTimeout(() => show(anchor, content), HOVER_WAIT_MS);
  });
  anchor.addEventListener("pointerleave", () => {
    if (!pinned) hideNote();
  });
  anchor.addEventListener("focus", () => {
    if (anchor.matches(":focus-visible")) show(anchor, content);
  });
  anchor.addEventListener("blur", () => {
    if (pinned !== anchor) hideNote();
  });
  anchor.addEventListener("click", (event) => {
    event.stopPropagation();
    if (pinned === anchor) return hideNote();
    hideNote();
    show(anchor, content);
    pinned = anchor;
  });
}

document.addEventListener("click", (event) => {
  if (!byId("note").contains(event.target as Node)) hideNote();
});
addEventListener("scroll", hideNote, { passive: true });
