// The live line to the server: opened again with growing waits, watched for silence, and frank about both.
import type { Message, Size } from "./api";

const WAITS_MS = [500, 1000, 2000, 4000, 8000, 10_000];
const SILENT_AFTER_MS = 3000;
const LOOK_EVERY_MS = 500;

export type Line =
  | { kind: "connecting" }
  | { kind: "open" }
  | { kind: "silent"; since: number }
  | { kind: "lost"; since: number; retryAt: number };

export interface LiveEvents {
  onMessage(message: Message): void;
  onLine(line: Line): void;
  /** After the line was lost and is open again: what was missed must be asked for. */
  onBack(): void;
}

export class Live {
  private socket: WebSocket | null = null;
  private heardAt = 0;
  private lostAt = 0;
  private attempt = 0;
  private timer = 0;
  private watched = "";
  private line: Line = { kind: "connecting" };

  constructor(private readonly events: LiveEvents) {
    setInterval(() => this.look(), LOOK_EVERY_MS);
    this.open();
  }

  watch(symbol: string, size: Size): void {
    this.watched = JSON.stringify({ watch: { symbol, size } });
    this.tell();
  }

  /** Tries at once instead of waiting. */
  retryNow(): void {
    if (this.line.kind !== "lost") return;
    clearTimeout(this.timer);
    this.open();
  }

  private tell(): void {
    if (this.watched && this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.watched);
  }

  private open(): void {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live`);
    this.socket = socket;
    socket.onopen = () => {
      this.heardAt = Date.now();
      this.tell();
    };
    socket.onmessage = (event) => this.hear(String(event.data));
    socket.onclose = () => this.lose(socket);
  }

  private hear(text: string): void {
    const back = this.lostAt > 0;
    [this.heardAt, this.attempt, this.lostAt] = [Date.now(), 0, 0];
    if (this.line.kind !== "open") this.say({ kind: "open" });
    if (back) this.events.onBack();
    this.events.onMessage(JSON.parse(text) as Message);
  }

  private lose(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.lostAt ||= this.heardAt || Date.now();
    const wait = WAITS_MS[Math.min(this.attempt, WAITS_MS.length - 1)] as number;
    this.attempt += 1;
    this.say({ kind: "lost", since: this.lostAt, retryAt: Date.now() + wait });
    this.timer = setTimeout(() => this.open(), wait);
  }

  private look(): void {
    if (this.line.kind === "open" && Date.now() - this.heardAt > SILENT_AFTER_MS) this.say({ kind: "silent", since: this.heardAt });
  }

  private say(line: Line): void {
    this.line = line;
    this.events.onLine(line);
  }
}
