// All tenants, for super administrators.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Checkbox, TextInput } from "@mantine/core";
import type { Tenant } from "../../../../gen/colloquy/v1/tenant_pb.ts";
import { TenantService } from "../../../../gen/colloquy/v1/tenant_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { useChange } from "../../api/use-change.ts";
import { Allowed } from "../../app/allowed.tsx";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import type { Column } from "../../ui/data-table.tsx";
import { KeptEtag } from "../../ui/kept-etag.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { Time } from "../../ui/time.tsx";

const words = adminText.tenants;

const COLUMNS: readonly Column<Tenant>[] = [
  { name: words.slug, cell: ({ slug, id }) => <span title={id}>{slug}</span> },
  { name: words.name, cell: ({ displayName }) => displayName },
  { name: words.presence, cell: ({ presenceOff }) => (presenceOff ? words.off : words.on) },
  { name: words.created, cell: ({ createTime }) => <Time value={createTime} /> },
  { name: adminText.keys.actions, cell: (tenant) => <EditTenant tenant={tenant} /> },
];

export function TenantsPage() {
  return (
    <Allowed need="super_administrator">
      <Page title={words.title} hint={words.hint} actions={<CreateTenant />}>
        <Tenants />
      </Page>
    </Allowed>
  );
}

function Tenants() {
  const found = useInfiniteQuery(TenantService.method.listTenants, { pageToken: "" }, NEXT_PAGE);
  return (
    <PagedTable
      label={words.listLabel}
      found={found}
      rowsOf={({ tenants }) => tenants}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      empty={{ title: words.empty, hint: words.emptyHint }}
    />
  );
}

function CreateTenant() {
  const creating = useChange(TenantService.method.createTenant);
  return (
    <ActionButton
      label={words.create}
      submit={text.common.create}
      isPrimary
      running={creating}
      act={(fields, done) => {
        const tenant = { slug: fields.one("slug"), displayName: fields.one("name") };
        creating.mutate({ tenant }, { onSuccess: done });
      }}
    >
      <TextInput name="slug" label={words.slug} description={words.slugHint} required maxLength={63} data-autofocus />
      <TextInput name="name" label={words.name} maxLength={200} />
    </ActionButton>
  );
}

function EditTenant({ tenant: { id, etag, displayName, presenceOff } }: { tenant: Tenant }) {
  const changing = useChange(TenantService.method.updateTenant);
  return (
    <ActionButton
      label={text.common.edit}
      submit={text.common.save}
      running={changing}
      act={(fields, done) => {
        const tenant = { displayName: fields.one("name"), presenceOff: fields.one("presenceOff") !== "" };
        const updateMask = { paths: ["display_name", "presence_off"] };
        changing.mutate({ tenantId: id, tenant, updateMask, etag: fields.one("etag") }, { onSuccess: done });
      }}
    >
      <KeptEtag value={etag} />
      <TextInput name="name" label={words.name} defaultValue={displayName} maxLength={200} data-autofocus />
      <Checkbox name="presenceOff" value="yes" label={words.presenceOff} defaultChecked={presenceOff} />
    </ActionButton>
  );
}
