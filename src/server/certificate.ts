// The port's certificate and key, read at the start and whenever the files change.
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import { SettingError } from "../domain/settings/setting-error.ts";

export interface TlsOptions {
  /** The path of the certificate chain, in PEM. */
  readonly certFile: string;
  /** The path of the private key, in PEM. */
  readonly keyFile: string;
}

export interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are looked at, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

/** Reads both files. @throws SettingError if they do not match */
export function readPair({ certFile, keyFile }: TlsOptions): Pair {
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw new SettingError("TLS_CERT and TLS_KEY: must name a certificate and its private key, both in PEM", { cause });
  }
  return pair;
}

export interface CertificateWatch {
  /** Reads the files now, changed or not. */
  reload(): void;
  /** How often the files were looked at. */
  looks(): number;
  stop(): void;
}

/**
 * Hands over the pair whenever a file has changed, and on `reload`. Files that are no pair, or are not there, leave the
 * old one in use: that is logged, and they are looked at again, for whoever renews them writes one after the other.
 */
export function watchCertificate(
  tls: TlsOptions,
  use: (pair: Pair) => void,
  logger: Logger,
  everyMs = LOOK_EVERY_MS,
): CertificateWatch {
  let looks = 0;
  let seen: string | undefined;
  let refused: string | undefined;
  let last: Pair | undefined;
  const apply = (files: string | undefined, always = false) => {
    try {
      const pair = readPair(tls);
      refused = undefined;
      seen = files;
      // A look between the last byte and the last change of a file's times finds the same pair again.
      if (!always && last?.cert.equals(pair.cert) && last.key.equals(pair.key)) return;
      use(pair);
      last = pair;
      logger.info("the certificate was reloaded");
    } catch (error) {
      // Once for each state of the files, not at every look.
      if (refused !== (files ?? "")) logger.error({ err: error }, "invalid certificate: the old one stays in use");
      refused = files ?? "";
    }
  };
  const look = async () => {
    const files = await stateOf(tls);
    looks++;
    if (seen === undefined) seen = files;
    else if (files !== seen && files !== refused) apply(files);
  };
  void look();
  const timer = setInterval(() => void look(), everyMs).unref();
  return {
    reload() {
      refused = undefined;
      void stateOf(tls).then((files) => apply(files, true));
    },
    looks: () => looks,
    stop: () => clearInterval(timer),
  };
}

/** What changes when a file is written or replaced, also behind a symbolic link, as Kubernetes does it. */
async function stateOf({ certFile, keyFile }: TlsOptions): Promise<string> {
  const states = [certFile, keyFile].map(async (path) => {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}/${size}/${mtimeMs}`;
  });
  return Promise.all(states).then(
    (both) => both.join(" "),
    () => "missing",
  );
}
