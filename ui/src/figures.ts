// A strip of figures: label, value and a word below; each opens the note that explains it and names its evidence.
import { el, setClass, setText } from "./dom";
import { NOT_KNOWN } from "./format";
import { addNote, type Lines } from "./notes";

export type Tone = "" | "good" | "warn" | "bad";

export interface Figure {
  value: string;
  below: string;
  tone: Tone;
  /** What the figure is made of, line by line. */
  made: Lines;
}

const UNKNOWN: Figure = { value: NOT_KNOWN, below: "", tone: "", made: [] };

export class FigureStrip<Name extends string> {
  private readonly buttons = new Map<Name, { button: HTMLButtonElement; label: HTMLElement; value: HTMLElement; below: HTMLElement }>();
  private figures: Partial<Record<Name, Figure>> = {};

  constructor(strip: HTMLElement, names: readonly Name[], private readonly label: (name: Name) => string, explain: (name: Name, made: Lines) => Node[]) {
    for (const name of names) {
      const [label, value, below] = [el("span", "label"), el("span", "value", NOT_KNOWN), el("span", "below")];
      const button = el("button", "figure", label, value, below);
      button.dataset["figure"] = name;
      addNote(button, () => explain(name, this.figures[name]?.made ?? []));
      this.buttons.set(name, { button, label, value, below });
      strip.append(button);
    }
  }

  relabel(): void {
    for (const [name, { label }] of this.buttons) setText(label, this.label(name));
  }

  /** Shows `figures`; one that is not there is not known, one that is `null` does not apply and is left out. */
  show(figures: Partial<Record<Name, Figure | null>>): void {
    this.figures = {};
    for (const [name, { button, value, below }] of this.buttons) {
      const figure = figures[name];
      button.hidden = figure === null;
      if (figure) this.figures[name] = figure;
      const shown = figure ?? UNKNOWN;
      setText(value, shown.value);
      setText(below, shown.below);
      setClass(button, `figure ${shown.tone}`);
    }
  }
}
