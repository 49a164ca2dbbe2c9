// Saves what streams in as a file of the reader's: piece by piece where the browser writes files, else held until it is
// whole.
import { text } from "../strings/en.ts";

export type Pieces = AsyncIterable<string | Uint8Array<ArrayBuffer>>;

/** Pieces are written in blocks of so many bytes at least. */
const BLOCK = 1 << 20;
/** A browser that writes no files holds no more than this, in bytes. */
const MOST_HELD = 500_000_000;

interface PickedFile {
  createWritable(): Promise<{
    write(block: Blob): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

/** What of the browser is used: the picker is not in all of them. */
export interface Browser {
  readonly showSaveFilePicker?: (options: { suggestedName: string }) => Promise<PickedFile>;
  /** How much it holds, in bytes. */
  readonly mostHeld: number;
  /** Gives the reader a whole file. */
  saveWhole(file: Blob, name: string): void;
}

export function saveWhole(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * Must be called while a click is handled: browsers ask for the place then. Nothing is read if the reader names none.
 *
 * @param read begins the stream
 */
export async function save(
  name: string,
  type: string,
  read: () => Pieces,
  browser: Browser = browserOf(globalThis),
): Promise<void> {
  const picked = await pick(name, browser);
  if (picked === "cancelled") return;
  if (picked === undefined) return browser.saveWhole(await held(read(), type, browser.mostHeld), name);
  const file = await picked.createWritable();
  try {
    for await (const block of inBlocks(read())) await file.write(block);
  } catch (error) {
    // What was there before stays.
    await file.abort();
    throw error;
  }
  await file.close();
}

function browserOf(page: object): Browser {
  const { showSaveFilePicker } = page as Pick<Browser, "showSaveFilePicker">;
  return {
    saveWhole,
    mostHeld: MOST_HELD,
    ...(showSaveFilePicker && { showSaveFilePicker: (options) => showSaveFilePicker(options) }),
  };
}

/** Undefined: the browser writes no files, or not on this page. */
async function pick(suggestedName: string, browser: Browser): Promise<PickedFile | "cancelled" | undefined> {
  try {
    return await browser.showSaveFilePicker?.({ suggestedName });
  } catch (error) {
    return error instanceof DOMException && error.name === "AbortError" ? "cancelled" : undefined;
  }
}

async function held(pieces: Pieces, type: string, most: number): Promise<Blob> {
  const blocks: Blob[] = [];
  let size = 0;
  for await (const block of inBlocks(pieces)) {
    size += block.size;
    if (size > most) throw new Error(text.common.tooLargeToHold);
    blocks.push(block);
  }
  return new Blob(blocks, { type });
}

async function* inBlocks(pieces: Pieces): AsyncGenerator<Blob> {
  let block: (string | Uint8Array<ArrayBuffer>)[] = [];
  let size = 0;
  for await (const piece of pieces) {
    block.push(piece);
    size += piece.length;
    if (size < BLOCK) continue;
    yield new Blob(block);
    block = [];
    size = 0;
  }
  if (block.length > 0) yield new Blob(block);
}
