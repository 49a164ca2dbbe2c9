// Whether a path over many forks pages like a straight one.
import { createCaller } from "../caller.ts";
import { ratio } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { LIST_MESSAGES, measure, PAGE, page } from "./depth.ts";

const MESSAGES = 10_000;
const FORKS = 50;
/** What each fork shows, and hides as many of. */
const STRETCH = MESSAGES / FORKS;
const CONTENT = "lorem ipsum dolor sit amet ".repeat(6).slice(0, 139);

/** P7, of branches: at the same depth, in the middle of the path. */
export async function branches(stage: Stage): Promise<Row> {
  const { port } = await stage.colloquy();
  const caller = createCaller(port, stage.token());
  const send = async (conversationId: string, parentId = ""): Promise<string> => {
    const messages = Array.from({ length: STRETCH }, (_, n) => ({ content: CONTENT, ...(n === 0 && { parentId }) }));
    const sent = await caller.json<{ messages: { id: string }[] }>(
      `/v1/conversations/${conversationId}/messages:batchSend`,
      { messages },
    );
    return sent.messages.at(-1)?.id ?? "";
  };
  const make = async (forks: boolean): Promise<string> => {
    const { id } = await caller.json<{ id: string }>("/v1/conversations", { conversation: { title: "branches" } });
    let tip = await send(id);
    for (let n = 1; n < FORKS; n++) {
      if (forks) await send(id);
      tip = await send(id, forks ? tip : "");
    }
    return id;
  };
  const timed = [];
  for (const forks of [false, true]) {
    const asked = { conversationId: await make(forks), pageSize: PAGE };
    const skip = MESSAGES / 2 + STRETCH / 2;
    const { nextPageToken } = await caller.json<{ nextPageToken: string }>(LIST_MESSAGES, { ...asked, skip });
    const name = forks ? `over ${FORKS} forks` : "straight";
    timed.push(await page(name, caller, LIST_MESSAGES, { ...asked, skip, pageToken: nextPageToken }));
  }
  const measured = await measure(stage, timed, [caller]);
  return {
    goal: "P7",
    work: `A page of ${PAGE} messages in the middle of ${MESSAGES.toLocaleString("en")}, p50`,
    measured,
    verdicts: [
      { what: "forks / straight", value: ratio(measured, timed[1]?.name ?? "", timed[0]?.name ?? ""), atMost: 1.2 },
    ],
  };
}
