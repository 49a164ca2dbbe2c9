// The statements that erase what a tenant keeps of a member outside of conversations.
import { ERASED } from "../../domain/identity/actor.ts";
import type { Statement } from "../database.ts";
import { IS_HELD_FILE } from "../legal-holds/condition.ts";
import { isName, withoutName } from "./statements.ts";

interface Count {
  readonly count: bigint;
}

/** Files of a member that no legal hold keeps. $1 tenant, $2 member, $3 limit. */
export const ownFiles: Statement<{ id: string }> = {
  name: "erasure_files",
  text: `
  select f.id::text as id from file f
  where f.tenant_id = $1 and f.uploader = $2::text collate "C" and f.erase_time is null and not ${IS_HELD_FILE}
  order by f.id limit least($3::integer, 100)`,
};

/** Files of a member that a hold keeps. $1 tenant, $2 member. */
export const heldFiles: Statement<Count> = {
  name: "erasure_held_files",
  text: `
  select count(*) as count from file f where f.tenant_id = $1 and f.uploader = $2::text collate "C" and ${IS_HELD_FILE}`,
};

/** Ends uploads: the sweeper removes what has come of them. $1 tenant, $2 member. */
export const endUploads: Statement = {
  name: "erasure_uploads",
  text: `
  update upload u set actor = '${ERASED}', name = '', purpose = '', create_time = '1970-01-01'
  where u.tenant_id = $1 and u.actor = $2::text collate "C"`,
};

/** The names of erased files, whose rows are removed with their bytes. $1 tenant, $2 member. */
export const renameFiles: Statement = {
  name: "erasure_file_names",
  text: `
  update file f set uploader = '${ERASED}', name = '' where f.tenant_id = $1 and f.uploader = $2::text collate "C" and f.erase_time is not null`,
};

/** $1 tenant, $2 member, $3 limit. */
export const forgetRequests: Statement<Count> = {
  name: "erasure_requests",
  text: `
  with gone as (
    delete from idempotency i where i.tenant_id = $1 and (i.caller, i.method, i.key) in (
      select o.caller, o.method, o.key from idempotency o
      where o.tenant_id = $1 and ${isName("o.caller", "$2::text")} limit $3::integer)
    returning 1
  ) select count(*) as count from gone`,
};

/** Empties what endpoints of webhooks have responded, which may repeat what they were sent. $1 tenant, $2 limit. */
export const emptyAttempts: Statement<Count> = {
  name: "erasure_attempts",
  text: `
  with emptied as (
    update webhook_attempt a set response_body = ''
    where a.tenant_id = $1 and (a.endpoint_id, a.id) in (
      select o.endpoint_id, o.id from webhook_attempt o where o.tenant_id = $1 and o.response_body <> '' limit $2::integer)
    returning 1
  ) select count(*) as count from emptied`,
};

const renamedNotice = (notice: string) => `${notice}
      || case when ${notice} ->> 'owner_id' = $2::text then '{"owner_id": null}'::jsonb else '{}' end
      || case when ${notice} ->> 'actor' = $2::text then '{"actor": "${ERASED}"}'::jsonb else '{}' end`;

/** Removes the name from notices and filters of webhooks, and from what it made. $1 tenant, $2 member. */
export const renameRest: Statement = {
  name: "erasure_rest",
  text: `
  with notices as (
    update feed_notice n set notice = ${renamedNotice("n.notice")}
    where n.tenant_id = $1 and (n.notice ->> 'owner_id' = $2::text or n.notice ->> 'actor' = $2::text)
  ), feed as (
    update feed n set notice = ${renamedNotice("n.notice")}
    where n.tenant_id = $1 and n.notice is not null and (n.notice ->> 'owner_id' = $2::text or n.notice ->> 'actor' = $2::text)
  ), endpoints as (
    update webhook_endpoint e set owner_id = '${ERASED}' where e.tenant_id = $1 and e.owner_id = $2::text
  ), keys as (
    update api_key k set creator = ${withoutName("k.creator")} where k.tenant_id = $1 and ${isName("k.creator", "$2::text")}
  ), policies as (
    update retention_policy p set creator = ${withoutName("p.creator")}
    where p.tenant_id = $1 and ${isName("p.creator", "$2::text")}
  ), holds as (
    update legal_hold h set member_id = case when h.member_id = $2::text then '${ERASED}' else h.member_id end,
      creator = case when ${isName("h.creator", "$2::text")} then ${withoutName("h.creator")} else h.creator end,
      lifter = case when ${isName("h.lifter", "$2::text")} then ${withoutName("h.lifter")} else h.lifter end
    where h.tenant_id = $1 and (h.member_id = $2::text or ${isName("h.creator", "$2::text")}
      or ${isName("h.lifter", "$2::text")})
  )
  update job j set creator = ${withoutName("j.creator")} where j.tenant_id = $1 and ${isName("j.creator", "$2::text")}`,
};

/**
 * Removes the name from the next entries of the audit log. Returns the last that was looked at, and how many were
 * changed. $1 tenant, $2 member, $3 after id, $4 limit.
 */
export const renameAudit: Statement<{ last_id: string | null; count: bigint }> = {
  name: "erasure_audit",
  text: `
  with looked as materialized (
    select a.id from audit a where a.tenant_id = $1 and a.id > $3::uuid order by a.id limit $4::integer
  ), renamed as (
    update audit a set actor = case when ${isName("a.actor", "$2::text")} then ${withoutName("a.actor")} else a.actor end,
      address = case when ${isName("a.actor", "$2::text")} then '' else a.address end,
      resource_id = case when a.resource_type = 'member' and a.resource_id = $2::text then 'erased' else a.resource_id end,
      details = (select jsonb_object_agg(d.key, case when not d.value ? $2::text then d.value
          when jsonb_typeof(d.value) = 'array' then (d.value - $2::text) || '["erased"]' else '"erased"' end)
        from jsonb_each(a.details) d),
      chain_salt = null
    where a.tenant_id = $1 and a.id in (select l.id from looked l) and (${isName("a.actor", "$2::text")}
      or a.resource_type = 'member' and a.resource_id = $2::text
      or exists (select from jsonb_each(a.details) d where d.value ? $2::text))
    returning 1
  )
  select (select max(l.id::text collate "C") from looked l) as last_id, (select count(*) from renamed) as count`,
};

/** The last of it. $1 tenant, $2 member. */
export const forgetMember: Statement = {
  name: "erasure_member",
  text: `
  with freed as (
    update member s set manager_id = null, version = s.version + 1, update_time = now()
    where s.tenant_id = $1 and s.manager_id = $2::text collate "C"
  )
  delete from member m where m.tenant_id = $1 and m.id = $2::text collate "C"`,
};
