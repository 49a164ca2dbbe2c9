// What this client has seen, told to servers that read replicas of their database: no answer is older.
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { ConnectError, type Interceptor, type StreamResponse } from "@connectrpc/connect";

const HEADER = "colloquy-position";
const LATEST = "latest";

/** Asks for replicas only where a server offers them: it sends the header of its own accord. */
export class ReadPosition {
  /** What the next call sends. Undefined: the server offers no replicas. */
  #value: string | undefined;
  /** Rises when only the newest will do: what a call that began earlier has seen says nothing then. */
  #era = 0;

  /** The next read gets what is newest. */
  forget(): void {
    this.#era++;
    if (this.#value !== undefined) this.#value = LATEST;
  }

  readonly interceptor: Interceptor = (next) => async (request) => {
    const era = this.#era;
    if (this.#value !== undefined && !request.stream) request.header.set(HEADER, this.#value);
    try {
      const response = await next(request);
      if (response.stream) return this.#watched(response);
      this.#learn(response.header.get(HEADER), era);
      return response;
    } catch (error) {
      // What it changed, if anything, is not known.
      if (request.method.idempotency !== Level.NO_SIDE_EFFECTS) this.forget();
      else this.#learn(ConnectError.from(error).metadata.get(HEADER), era);
      throw error;
    }
  };

  #learn(told: string | null, era: number): void {
    if (told === null) return;
    if (told === LATEST) {
      this.#value = LATEST;
      this.#era++;
    } else if (era === this.#era) {
      this.#value = this.#value === undefined || this.#value === LATEST ? told : later(this.#value, told);
    }
  }

  /** What a stream shows, or has changed, has no position. */
  #watched(response: StreamResponse): StreamResponse {
    const { message } = response;
    const seen = () => this.forget();
    seen();
    async function* messages() {
      try {
        for await (const item of message) {
          seen();
          yield item;
        }
      } finally {
        seen();
      }
    }
    return { ...response, message: messages() };
  }
}

/** Positions of one history are in the order of their texts; of two, none says what the other has. */
function later(one: string, other: string): string {
  if (one.slice(0, one.indexOf("-")) !== other.slice(0, other.indexOf("-"))) return LATEST;
  return one > other ? one : other;
}
