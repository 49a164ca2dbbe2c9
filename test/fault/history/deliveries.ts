// The checker of deliveries: compares what a webhook endpoint was sent with the logs.

/** An event as an endpoint took it. */
export interface Taken {
  readonly webhookId: string;
  readonly conversationId: string;
  readonly seq: number;
}

/** Each kind of finding, and what it means. */
export const DELIVERY_FAULTS = {
  lost: "an event of the log was never taken",
  disordered: "an event was taken before one that comes before it in its conversation",
  renamed: "an event came under another webhook-id than before",
  stranger: "an event was sent that is not in the log",
} as const;

export interface DeliveryFinding {
  readonly fault: keyof typeof DELIVERY_FAULTS;
  readonly what: string;
}

/**
 * @param taken what an endpoint answered with 2xx, in the order in which it came
 * @param logs the last `seq` of each conversation; all from 1 on were to be sent
 * @param batches whether an event comes in a batch, whose id is that of all its events together
 */
export function checkDeliveries(
  taken: readonly Taken[],
  logs: ReadonlyMap<string, number>,
  batches = false,
): { readonly findings: readonly DeliveryFinding[]; readonly repeats: number } {
  const findings: DeliveryFinding[] = [];
  const ids = new Map<string, string>();
  const ends = new Map<string, number>();
  let repeats = 0;
  for (const { webhookId, conversationId, seq } of taken) {
    const event = `${conversationId}-${seq}`;
    const known = ids.get(event);
    if (known !== undefined) {
      repeats++;
      if (known !== webhookId) findings.push({ fault: "renamed", what: `${event} as ${known} and ${webhookId}` });
      continue;
    }
    ids.set(event, webhookId);
    if (!batches && webhookId !== event) findings.push({ fault: "renamed", what: `${event} as ${webhookId}` });
    const end = ends.get(conversationId) ?? 0;
    if (seq > (logs.get(conversationId) ?? 0)) findings.push({ fault: "stranger", what: event });
    else if (seq !== end + 1) findings.push({ fault: "disordered", what: `${event} after ${end}` });
    ends.set(conversationId, Math.max(end, seq));
  }
  for (const [conversationId, end] of logs) {
    for (let seq = 1; seq <= end; seq++) {
      const event = `${conversationId}-${seq}`;
      if (!ids.has(event)) findings.push({ fault: "lost", what: event });
    }
  }
  return { findings, repeats };
}
