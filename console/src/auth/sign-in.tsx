// Signs in: with a key or token, at an identity provider, or in development with one click.
import { Alert, Button, Divider, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { isRefused } from "./refused.ts";
import { type ConsoleIssuer, fetchDeveloperToken, serverConfig } from "./server-config.ts";
import styles from "./sign-in.module.css";
import { type Credential, tryCredential } from "./try-credential.ts";

const route = getRouteApi("/sign-in");

export function SignIn() {
  const { session } = useServices();
  const config = useQuery(serverConfig);
  const begin = useBegin();
  return (
    <main className={styles.page}>
      <Paper withBorder p="xl" className={styles.card}>
        <Stack gap="md">
          <Title order={1} size="h2">
            {text.signIn.title}
          </Title>
          {session.ended() === "expired" && <Alert color="yellow">{text.signIn.expired}</Alert>}
          {config.isError && <FailureNotice error={config.error} onRetry={() => void config.refetch()} />}
          <CredentialForm begin={begin} />
          {config.data !== undefined && config.data.issuers.length > 0 && <Providers issuers={config.data.issuers} />}
          {config.data?.developer === true && <Developer begin={begin} />}
        </Stack>
      </Paper>
    </main>
  );
}

type Begin = (credential: Credential) => Promise<void>;

function useBegin(): Begin {
  const { session, transport } = useServices();
  const { history } = useRouter();
  const { next } = route.useSearch();
  return async (credential) => {
    session.begin(await tryCredential(transport, credential));
    history.push(`/console${next ?? "/conversations"}`);
  };
}

function CredentialForm({ begin }: { begin: Begin }) {
  const [credential, setCredential] = useState("");
  const [actFor, setActFor] = useState("");
  const trying = useMutation({ mutationFn: begin });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    trying.mutate({ credential: credential.trim(), ...(actFor.trim() !== "" && { actFor: actFor.trim() }) });
  };
  const isRefusal = trying.isError && isRefused(trying.error);
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <PasswordInput
          label={text.signIn.credential}
          description={text.signIn.credentialHint}
          value={credential}
          onChange={({ currentTarget }) => setCredential(currentTarget.value)}
          error={isRefusal && text.signIn.refused}
          autoComplete="off"
          autoFocus
          required
        />
        {credential.trim().startsWith("clq_") && (
          <TextInput
            label={text.signIn.actFor}
            description={text.signIn.actForHint}
            value={actFor}
            onChange={({ currentTarget }) => setActFor(currentTarget.value)}
          />
        )}
        {trying.isError && !isRefusal && <FailureNotice error={trying.error} />}
        <Button type="submit" loading={trying.isPending} disabled={credential.trim() === ""}>
          {text.signIn.submit}
        </Button>
        <Text size="xs" c="dimmed">
          {text.signIn.help}
        </Text>
      </Stack>
    </form>
  );
}

function Providers({ issuers }: { issuers: readonly ConsoleIssuer[] }) {
  const { next } = route.useSearch();
  const leaving = useMutation({
    mutationFn: async (issuer: ConsoleIssuer) => (await import("./oidc.ts")).beginSignIn(issuer, next),
  });
  return (
    <Stack gap="sm">
      <Divider label={text.signIn.or} />
      {issuers.map((issuer) => (
        <Button
          key={issuer.issuer}
          variant="default"
          loading={leaving.isPending}
          onClick={() => leaving.mutate(issuer)}
        >
          {text.signIn.with(issuer.name)}
        </Button>
      ))}
      {leaving.isError && <FailureNotice error={leaving.error} />}
    </Stack>
  );
}

function Developer({ begin }: { begin: Begin }) {
  const trying = useMutation({ mutationFn: async () => begin({ credential: await fetchDeveloperToken() }) });
  return (
    <Stack gap="xs">
      <Divider label={text.signIn.or} />
      <Button variant="default" loading={trying.isPending} onClick={() => trying.mutate()}>
        {text.signIn.developer}
      </Button>
      <Text size="xs" c="dimmed">
        {text.signIn.developerHint}
      </Text>
      {trying.isError && <FailureNotice error={trying.error} />}
    </Stack>
  );
}
