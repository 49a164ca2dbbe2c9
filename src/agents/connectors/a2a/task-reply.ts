// Turns what a task does into pieces: each word of its artifacts once, however often the agent tells them.
import type { Artifact, Message, StreamResponse, Task, TaskStatus } from "@a2a-js/sdk";
import type { ReplyPiece } from "../../../domain/turns/reply-piece.ts";
import { AgentFailure } from "../connector.ts";
import { othersIn, pieceOf, textIn } from "./parts.ts";

/** The states of `TaskState`. */
const State = { COMPLETED: 3, FAILED: 4, CANCELED: 5, INPUT_REQUIRED: 6, REJECTED: 7, AUTH_REQUIRED: 8 } as const;
const FINAL: readonly number[] = Object.values(State);
const WAITING: readonly number[] = [State.INPUT_REQUIRED, State.AUTH_REQUIRED];

const FAILURES: Readonly<Record<number, string>> = {
  [State.FAILED]: "the agent's task failed",
  [State.CANCELED]: "the agent cancelled its task",
  [State.REJECTED]: "the agent rejected the task",
};

interface ToldArtifact {
  text: string;
  /** How many parts that are no text. */
  others: number;
}

export class TaskReply {
  readonly #told = new Map<string, ToldArtifact>();
  /** All that was said. */
  #said = "";
  #isSaid = false;
  #last: string | undefined;
  /** What the task says of its work, so far. */
  #working = "";
  contextId = "";
  taskId = "";
  #state = 0;
  #isMessage = false;

  /** How the task waited before it was answered, which agents may tell once more. */
  #waited = "";

  /** The task before it is told what it waits for: what it has said is no part of this reply. */
  goOnFrom({ artifacts, status }: Task): void {
    for (const { artifactId, parts } of artifacts) {
      this.#told.set(artifactId, { text: textIn(parts), others: othersIn(parts).length });
    }
    this.#waited = JSON.stringify(status);
  }

  /** Whether nothing more comes. */
  get isOver(): boolean {
    return this.#isMessage || FINAL.includes(this.#state);
  }

  /** Whether the task goes on with what is said next. */
  get waits(): boolean {
    return WAITING.includes(this.#state);
  }

  take({ payload }: StreamResponse): ReplyPiece[] {
    switch (payload?.$case) {
      case "message":
        return this.message(payload.value);
      case "task":
        return this.task(payload.value);
      case "artifactUpdate": {
        const { contextId, taskId, artifact, append } = payload.value;
        this.#of(contextId, taskId);
        return artifact === undefined ? [] : this.#artifact(artifact, append);
      }
      case "statusUpdate": {
        const { contextId, taskId, status } = payload.value;
        this.#of(contextId, taskId);
        return this.#status(status);
      }
      default:
        return [];
    }
  }

  /** A reply that is no task. */
  message({ contextId, taskId, parts }: Message): ReplyPiece[] {
    this.#of(contextId, taskId);
    this.#isMessage = true;
    return this.#say("", textIn(parts), parts);
  }

  /** The task as it is now. */
  task({ id, contextId, artifacts, status }: Task): ReplyPiece[] {
    this.#of(contextId, id);
    return [...artifacts.flatMap((artifact) => this.#artifact(artifact, false)), ...this.#status(status)];
  }

  /** Throws where the task has failed. */
  end(): void {
    const failure = FAILURES[this.#state];
    if (failure !== undefined) throw new AgentFailure(failure, { health: "up" });
  }

  #of(contextId: string, taskId: string): void {
    this.contextId = contextId || this.contextId;
    this.taskId = taskId || this.taskId;
  }

  #artifact({ artifactId, name, parts }: Artifact, append: boolean): ReplyPiece[] {
    // Some agents make an artifact of each piece, all of one name.
    const source = name || artifactId;
    const told = this.#told.get(artifactId) ?? { text: "", others: 0 };
    this.#told.set(artifactId, told);
    const text = textIn(parts);
    if (append) {
      told.text += text;
      told.others += othersIn(parts).length;
      return this.#say(source, text, parts);
    }
    const fresh = othersIn(parts).slice(told.others);
    const rest = text.startsWith(told.text) ? text.slice(told.text.length) : `\n\n${text}`;
    // What has been replaced was said already: it cannot be taken back.
    told.text = text;
    told.others = Math.max(told.others, othersIn(parts).length);
    return this.#say(source, rest, fresh);
  }

  #status(status: TaskStatus | undefined): ReplyPiece[] {
    if (status === undefined || JSON.stringify(status) === this.#waited) return [];
    this.#state = status.state;
    const parts = status.message?.parts ?? [];
    const text = textIn(parts);
    if (!this.isOver) return this.#work(text);
    if (this.#state === State.COMPLETED && text === "" && !this.#isSaid) return this.#say("status", this.#working, []);
    const isNews = this.waits || (this.#state === State.COMPLETED && !this.#said.includes(text));
    return isNews ? this.#say("status", text, parts) : [];
  }

  /** What a task says of its work is no part of the reply. Many tell all of it each time. */
  #work(text: string): ReplyPiece[] {
    const rest = text.startsWith(this.#working) ? text.slice(this.#working.length) : `\n${text}`;
    if (text === "" || rest === "") return [];
    this.#working = text;
    return [{ kind: "reasoning", text: rest }];
  }

  /** Words of one source; those of another stand below. */
  #say(source: string, text: string, parts: Artifact["parts"]): ReplyPiece[] {
    const pieces = othersIn(parts).flatMap((part) => pieceOf(part) ?? []);
    if (text === "" && pieces.length === 0) return [];
    const gap = this.#isSaid && this.#last !== source && text !== "" ? "\n\n" : "";
    this.#isSaid = true;
    this.#said += text;
    this.#last = source;
    return [...(text === "" ? [] : [{ kind: "text", text: gap + text } as const]), ...pieces];
  }
}
