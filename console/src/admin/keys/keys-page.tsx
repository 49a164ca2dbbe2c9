// The API keys of the tenant: what each may do, when it was used, and what one can do to it.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Group, Switch } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { AccessService } from "../../../../gen/colloquy/v1/access_service_pb.ts";
import { type ApiKey, ApiKeyScope } from "../../../../gen/colloquy/v1/api_key_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { Time } from "../../ui/time.tsx";
import { wordOf } from "../../ui/word-of.ts";
import { CreateKey, RevokeKey, RotateKey } from "./key-actions.tsx";

const words = adminText.keys;
const route = getRouteApi("/shell/admin/keys");

export function KeysPage() {
  const { revoked } = route.useSearch();
  const navigate = route.useNavigate();
  const [secret, setSecret] = useState<string>();
  const showRevoked = revoked === "yes";
  const found = useInfiniteQuery(AccessService.method.listApiKeys, { pageToken: "", showRevoked }, NEXT_PAGE);
  return (
    <Page title={words.title} hint={words.hint} actions={<CreateKey onSecret={setSecret} />}>
      <Switch
        mb="sm"
        size="sm"
        label={words.showRevoked}
        checked={showRevoked}
        onChange={() => void navigate({ search: showRevoked ? {} : { revoked: "yes" } })}
      />
      <PagedTable
        label={words.listLabel}
        found={found}
        rowsOf={({ apiKeys }) => apiKeys}
        columns={columnsOf(setSecret)}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
      <SecretOnce secret={secret} onClose={() => setSecret(undefined)} />
    </Page>
  );
}

function columnsOf(onSecret: (text: string) => void): readonly Column<ApiKey>[] {
  return [
    { name: words.name, cell: ({ displayName, id }) => <span title={id}>{displayName || words.unnamed}</span> },
    { name: words.scopes, cell: ({ scopes }) => scopes.map((one) => wordOf(ApiKeyScope, one, words.scope)).join(", ") },
    { name: words.state, cell: (key) => <KeyState apiKey={key} /> },
    {
      name: words.lastUse,
      cell: ({ lastUseTime }) => (lastUseTime ? <Time value={lastUseTime} /> : text.common.never),
    },
    { name: words.created, cell: ({ createTime }) => <Time value={createTime} /> },
    { name: words.expiry, cell: ({ expireTime }) => (expireTime ? <Time value={expireTime} /> : text.common.never) },
    {
      name: words.actions,
      cell: (key) =>
        isUsable(key) && (
          <Group gap={6} wrap="nowrap">
            <RotateKey apiKey={key} onSecret={onSecret} />
            <RevokeKey apiKey={key} />
          </Group>
        ),
    },
  ];
}

function isUsable({ revokeTime, expireTime }: ApiKey): boolean {
  return revokeTime === undefined && (expireTime === undefined || timestampMs(expireTime) > Date.now());
}

function KeyState({ apiKey }: { apiKey: ApiKey }) {
  const { revokeTime, overlapEndTime } = apiKey;
  if (revokeTime !== undefined) return <StateBadge tone="bad">{words.states.revoked}</StateBadge>;
  if (!isUsable(apiKey)) return <StateBadge tone="plain">{words.states.expired}</StateBadge>;
  if (overlapEndTime !== undefined && timestampMs(overlapEndTime) > Date.now()) {
    return <StateBadge tone="busy">{words.states.rotating}</StateBadge>;
  }
  return <StateBadge tone="good">{words.states.active}</StateBadge>;
}
