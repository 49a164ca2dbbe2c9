// Where an identity provider sends people back to.
import { Anchor, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { finishSignIn } from "./oidc.ts";
import { serverConfig } from "./server-config.ts";
import styles from "./sign-in.module.css";
import { tryCredential } from "./try-credential.ts";

export function SignedIn() {
  const { session, transport } = useServices();
  const queries = useQueryClient();
  const { history } = useRouter();
  const [failure, setFailure] = useState<unknown>();
  const begun = useRef(false);
  useEffect(() => {
    // A code can be used once.
    if (begun.current) return;
    begun.current = true;
    const finish = async () => {
      const { issuers } = await queries.fetchQuery(serverConfig);
      const { credential, next } = await finishSignIn(issuers, location.href);
      session.begin(await tryCredential(transport, { credential }));
      history.replace(`/console${next ?? "/conversations"}`);
    };
    finish().catch(setFailure);
  }, [history, queries, session, transport]);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        {failure === undefined ? (
          <Text role="status">{text.signIn.finishing}</Text>
        ) : (
          <>
            <Text fw={600}>{text.signIn.provider}</Text>
            <FailureNotice error={failure} />
            <Anchor renderRoot={(props) => <Link to="/sign-in" {...props} />}>{text.signIn.again}</Anchor>
          </>
        )}
        {failure === undefined && <Loading />}
      </div>
    </main>
  );
}
