// Tenants with much data: one that PostgreSQL's statistics include, one created after they were collected, and others.
import { administer } from "./postgres.ts";

export const KNOWN = "01890000-0000-7000-8000-000000000001";
export const NEWCOMER = "01890000-0000-7000-8000-000000000002";

/**
 * Of each tenant, all with the label `tier`, each sixtieth with `team`. The first half is `ada`'s, the second `bob`'s;
 * `boss` is above ten members, ada among them.
 */
export const CONVERSATIONS = 10_000;
/** In the one long conversation, which is `ada`'s. */
export const LONG_MESSAGES = 10_000;
/** All take part in it. */
export const MEMBERS = 1_000;

/** Numbered from 1 on, the same in both tenants. Ids grow with the numbers. */
export function conversationId(n: number): string {
  return `01890000-0000-7000-9000-${n.toString(16).padStart(12, "0")}`;
}

export const LONG = conversationId(1);

/** One was created in each second. */
export function createTime(n: number): Date {
  return new Date(Date.UTC(2024, 0, 1) + n * 1000);
}

export function messageId(n: number): string {
  return `01890000-0000-7000-a000-${n.toString(16).padStart(12, "0")}`;
}

/** After this place of the long conversation a thousand messages have reactions, the first of them a thousand. */
export const REACTED_AFTER = 10_000;

/** Fills a database of one's own. */
export async function createCrowd(url: string): Promise<void> {
  await fill(url, KNOWN);
  await fillOthers(url);
  await administer(url, "vacuum analyze");
  await fill(url, NEWCOMER);
}

const id = (kind: string, n: string) => `('01890000-0000-7000-${kind}-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
const second = (n: string) => `timestamptz '2024-01-01 00:00:00Z' + ${n} * interval '1 second'`;
const owner = `case when n <= ${CONVERSATIONS / 2} then 'ada' else 'bob' end`;

async function fill(url: string, tenant: string): Promise<void> {
  await administer(
    url,
    `
    set synchronous_commit = off;
    insert into tenant (id, slug, secret) values ('${tenant}', '${tenant}', '');
    insert into member (tenant_id, id) values ('${tenant}', 'boss');
    insert into member (tenant_id, id, manager_id)
      select '${tenant}', m, case when n <= 10 then 'boss' end
      from (select n, case n when 1 then 'ada' when 11 then 'bob' else 'member-' || n end as m
        from generate_series(1, ${MEMBERS}) n) m;
    insert into conversation (tenant_id, id, title, owner_id, creator, participant_count, last_seq, message_count,
        create_time, update_time, labels)
      select '${tenant}', ${id("9000", "n")}, 'conversation', ${owner}, 'ada', 1, 1, 1, ${second("n")},
        ${second("n * 17 % 10000")}, (case when n % 60 = 0 then '{"team": "few", "tier": "many"}' else '{"tier": "many"}' end)::jsonb
      from generate_series(1, ${CONVERSATIONS}) n;
    insert into conversation_label (tenant_id, conversation_id, name, value, conversation_time)
      select c.tenant_id, c.id, l.key, l.value, c.create_time
      from conversation c cross join lateral jsonb_each_text(c.labels) l where c.tenant_id = '${tenant}';
    insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
      select '${tenant}', ${id("9000", "n")}, ${owner}, 1, ${second("n")} from generate_series(1, ${CONVERSATIONS}) n;
    insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
      select '${tenant}', '${LONG}', m.id, 2, ${second("1")} from member m where m.tenant_id = '${tenant}' and m.id <> 'ada';
    update conversation set last_seq = ${2 * LONG_MESSAGES} where tenant_id = '${tenant}' and id = '${LONG}';
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
      select '${tenant}', '${LONG}', 2 * n - 1, ${id("a000", "n")}, 1, 'bob', 'message'
      from generate_series(1, ${LONG_MESSAGES}) n;
    insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, create_time, editor)
      select '${tenant}', '${LONG}', 2 * n - 1, 0, 1, 'before', ${second("n")}, 'bob' from generate_series(1, 1000) n;
    update message set tallied = true where tenant_id = '${tenant}' and conversation_id = '${LONG}'
      and seq > ${REACTED_AFTER} and seq <= ${REACTED_AFTER} + 2000;
    insert into message_tally (tenant_id, conversation_id, seq, reactions)
      select m.tenant_id, m.conversation_id, m.seq, '[["👍", 1000]]' from message m where m.tenant_id = '${tenant}' and m.tallied;
    insert into reaction (tenant_id, conversation_id, seq, actor, name, create_time)
      select t.tenant_id, t.conversation_id, t.seq, 'bob', '👍', ${second("t.seq")} from message_tally t
      where t.tenant_id = '${tenant}'
      union all select '${tenant}', '${LONG}', ${REACTED_AFTER} + 1, 'reactor-' || n, '👍', ${second("n")}
      from generate_series(1, 999) n;
    insert into mention (tenant_id, conversation_id, member_id, seq, message_id, create_time)
      select m.tenant_id, m.conversation_id, 'ada', m.seq, m.id, m.create_time from message m
      where m.tenant_id = '${tenant}' and m.tallied;
    insert into event (tenant_id, conversation_id, seq, type, actor, data)
      select '${tenant}', '${LONG}', 2 * n, 1, 'ada', '{}' from generate_series(1, ${LONG_MESSAGES}) n;
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
      select '${tenant}', ${id("9000", "n")}, 1, ${id("b000", "n")}, 1, 'ada', 'message'
      from generate_series(2, ${CONVERSATIONS}) n;`,
  );
}

/**
 * Ten tenants of a hundred owners and 5,000 guests each, so that a member has but a small part of all, and takes part
 * in one conversation as a rule: what PostgreSQL then expects of `ada` and `bob` is far too little.
 */
async function fillOthers(url: string): Promise<void> {
  const tenant = id("7000", "t");
  await administer(
    url,
    `
    set synchronous_commit = off;
    insert into tenant (id, slug, secret) select ${tenant}, 'other-' || t, '' from generate_series(1, 10) t;
    insert into member (tenant_id, id)
      select ${tenant}, 'member-' || m from generate_series(1, 10) t, generate_series(1, 100) m;
    insert into conversation (tenant_id, id, title, owner_id, creator, create_time)
      select ${tenant}, ${id("9000", "n")}, 'conversation', 'member-' || (1 + n % 100), 'ada', ${second("n")}
      from generate_series(1, 10) t, generate_series(1, 5000) n;
    insert into member (tenant_id, id) select ${tenant}, 'guest-' || n from generate_series(1, 10) t, generate_series(1, 5000) n;
    insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
      select ${tenant}, ${id("9000", "n")}, 'guest-' || n, 1, ${second("n")}
      from generate_series(1, 10) t, generate_series(1, 5000) n;
    insert into branch_run (tenant_id, conversation_id, from_seq, to_seq, parent_seq, source_id)
      select ${tenant}, ${id("9000", "1")}, n, n, n - 1, ${id("9000", "1")}
      from generate_series(1, 10) t, generate_series(1, 500) n;
    insert into live_segment (tenant_id, conversation_id, from_seq, to_seq, source_id)
      select ${tenant}, ${id("9000", "1")}, n, n, ${id("9000", "1")}
      from generate_series(1, 10) t, generate_series(1, 500) n;`,
  );
}
