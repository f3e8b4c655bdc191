// Finding an instrument by symbol, by Korean or English name, or by the Korean initials (ㅂㅌㅋㅇ → 비트코인).
import type { Quote } from "./api";

const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;
const SYLLABLES_PER_INITIAL = 588;

function initialsOf(text: string): string {
  return Array.from(text, (letter) => {
    const point = letter.codePointAt(0) as number;
    if (point < FIRST_SYLLABLE || point > LAST_SYLLABLE) return letter;
    return INITIALS[Math.floor((point - FIRST_SYLLABLE) / SYLLABLES_PER_INITIAL)];
  }).join("");
}

export function matches(quote: Pick<Quote, "symbol" | "name_ko" | "name_en">, asked: string): boolean {
  const wanted = asked.trim().toLowerCase();
  const words = [quote.symbol, quote.name_ko, quote.name_en, initialsOf(quote.name_ko)];
  return words.some((word) => word.toLowerCase().includes(wanted));
}
