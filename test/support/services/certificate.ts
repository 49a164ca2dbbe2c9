// A self-signed certificate, as files.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  remove(): void;
}

/** @param names that it is good for */
export function makeCertificate(names = "DNS:localhost,IP:127.0.0.1"): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "colloquy-tls-"));
  const certFile = join(directory, "cert.pem");
  const keyFile = join(directory, "key.pem");
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1".split(" ");
  const subject = ["-subj", "/CN=localhost", "-addext", `subjectAltName=${names}`];
  execFileSync("openssl", [...kind, ...subject, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
  return { certFile, keyFile, remove: () => rmSync(directory, { recursive: true }) };
}
