// What a dialect costs beside the canonical REST call that does the same.
import { idOf, MESSAGES_EACH } from "../layout.ts";
import { type Http1Load, http1 } from "../load.ts";
import { compare, ratio } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONNECTIONS = 32;

type Asked = Pick<Http1Load, "method" | "path" | "body">;

const PAIRS: readonly { readonly work: string; readonly canonical: Asked; readonly dialect: Asked }[] = [
  {
    work: `crm: ${MESSAGES_EACH} messages and their number`,
    canonical: {
      method: "GET",
      path: `/v1/conversations/{id}/messages?page_size=${MESSAGES_EACH}&include_total_size=true`,
    },
    dialect: { method: "GET", path: `/v1/conversation/{id}/messages?page=1&per_page=${MESSAGES_EACH}` },
  },
  {
    work: "workorder: send a message",
    canonical: {
      method: "POST",
      path: "/v1/conversations/{id}/messages",
      body: '{"content":"hello from the benchmark"}',
    },
    dialect: {
      method: "POST",
      path: "/api/v2/conversations/{id}/messages",
      body: '{"body":"hello from the benchmark"}',
    },
  },
];

export async function dialect(stage: Stage): Promise<Row[]> {
  const server = await stage.colloquy("colloquy with crm, workorder", { COLLOQUY_COMPAT: "crm,workorder" });
  const headers = { "content-type": "application/json", authorization: `Bearer ${stage.token()}` };
  const rows: Row[] = [];
  for (const { work, canonical, dialect } of PAIRS) {
    const contestant = async (name: string, asked: Asked) => {
      const numbers = [2, stage.sizes.conversations] as const;
      const load: Http1Load = { ...asked, port: server.port, headers, numbers, connections: CONNECTIONS };
      await check(load);
      return { name, server, run: (seconds: number) => http1(load, seconds, stage.directory) };
    };
    const measured = await compare(
      [await contestant("canonical", canonical), await contestant("dialect", dialect)],
      stage.effort,
    );
    const verdicts = [
      { what: "time a call", value: ratio(measured, "canonical", "dialect"), atMost: 1.15, unit: " ×" },
    ];
    rows.push({ goal: "–", work: `A dialect against canonical REST; ${work}`, measured, verdicts });
  }
  return rows;
}

async function check({ port, method, path, headers, body }: Http1Load): Promise<void> {
  const url = `http://127.0.0.1:${port}${path.replace("{id}", idOf("conversation", 2))}`;
  const response = await fetch(url, { method, headers, ...(body && { body }) });
  if (!response.ok) throw new Error(`${path} is answered with ${response.status}: ${await response.text()}`);
}
