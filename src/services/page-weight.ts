// Weighs the items of a response in both forms in which it may be sent, so that pages are the same on every wire.
import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { createBinaryForm } from "../codec/binary/protobuf-writer.ts";
import { createJsonForm } from "../codec/json/json-writer.ts";

/**
 * Maximum bytes of a page's items in either form. gRPC clients accept messages of 4 MiB by default; the rest is for the
 * fields beside the items.
 */
export const PAGE_BYTES = 3 << 20;

const binaryOf = createBinaryForm();
/** REST's, the longer of the two JSON forms. */
const jsonOf = createJsonForm({ alwaysEmitImplicit: true });

/** The items of one page. A control character is one byte in Protobuf and six in JSON; metadata may be the other way. */
export class PageWeight {
  #binary = 0;
  #json = 0;

  /** Adds an item. Whether all so far fit into a page. */
  add<Desc extends DescMessage>(schema: Desc, item: MessageInitShape<Desc>): boolean {
    const message: Message = create(schema, item);
    this.#binary += binaryOf(schema, message).length;
    this.#json += Buffer.byteLength(jsonOf.stringify(jsonOf(schema, message)));
    return Math.max(this.#binary, this.#json) <= PAGE_BYTES;
  }
}
