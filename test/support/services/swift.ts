// A real S3-compatible server: OpenStack Swift with its S3 API, as Debian ships it.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { endWithTest, startChild } from "../run/child.ts";
import { freePort } from "./free-port.ts";

export interface S3Server {
  /** Where it is, such as `http://127.0.0.1:4568`. */
  readonly endpoint: string;
  /** Its one bucket. */
  readonly bucket: string;
  /** The usual variables, for processes that tests start. */
  readonly credentials: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
  /** A client of one's own, to look behind the store. */
  readonly client: S3Client;
  /** `s3://bucket/prefix?endpoint=…` */
  place(prefix?: string, more?: string): string;
}

const BUCKET = "files";

const SWIFT = ["proxy", "account", "container", "object"].map((part) => `/usr/bin/swift-${part}-server`);
/** All of them in one process, which takes a quarter of what it takes to start each. */
const PROGRAM = join(import.meta.dirname, "swift-servers.py");

/** Tells a test whether to run; says once why not. */
export function hasSwift(): boolean {
  if (SWIFT.every((program) => existsSync(program))) return true;
  process.stderr.write(
    "OpenStack Swift is not installed (apt-get install swift-proxy swift-account swift-container swift-object): " +
      "skipping the tests with it\n",
  );
  return false;
}

const PARTS = ["account", "container", "object"] as const;

/** One device, one copy, no cache. */
export async function startSwift(): Promise<S3Server> {
  const folder = await temporary();
  await mkdir(join(folder, "devices/d1"), { recursive: true });
  // It may run as another user.
  await chmod(folder, 0o755);
  await writeFile(
    join(folder, "swift.conf"),
    "[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n[storage-policy:0]\nname = one\ndefault = yes\n",
  );
  const user = process.env.USER || execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  const common = (port: number) =>
    `[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${port}\nworkers = 0\nuser = ${user}\nswift_dir = ${folder}\n`;
  const configure = (part: string, configuration: string) => writeFile(join(folder, `${part}.conf`), configuration);
  const ports = await Promise.all(PARTS.map(async (part) => [part, await freePort()] as const));
  for (const [part, port] of ports) {
    await configure(
      part,
      `${common(port)}devices = ${folder}/devices\nmount_check = false\nfallocate_reserve = 0\n` +
        `[pipeline:main]\npipeline = ${part}-server\n[app:${part}-server]\nuse = egg:swift#${part}\n`,
    );
  }
  const port = await freePort();
  const filters = ["catch_errors", "cache", "s3api", "tempauth", "slo", "dlo", "versioned_writes", "symlink"];
  const settings: Record<string, string> = {
    cache: "memcache_servers = 127.0.0.1:1\n",
    tempauth: "user_test_tester = testing .admin\n",
    s3api: "location = us-east-1\n",
    versioned_writes: "allow_versioned_writes = true\nallow_object_versioning = true\n",
  };
  const sections = filters.map(
    (name) => `[filter:${name}]\nuse = egg:swift#${name === "cache" ? "memcache" : name}\n${settings[name] ?? ""}`,
  );
  await configure(
    "proxy",
    `${common(port)}[pipeline:main]\npipeline = ${filters.join(" ")} proxy-server\n` +
      `[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n${sections.join("")}`,
  );
  const places = ports.map(([part, port]) => `${part}=${port}`);
  startChild("/usr/bin/python3", [PROGRAM, folder, ...places], { stdio: "ignore" });
  return ready(`http://127.0.0.1:${port}`, "test:tester", "testing");
}

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `colloquy-test-${process.pid}-`));
  endWithTest(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}

/** Waits until it makes the bucket. From then on this process has its credentials in the usual variables. */
async function ready(endpoint: string, accessKeyId: string, secretAccessKey: string): Promise<S3Server> {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  });
  endWithTest(() => client.destroy());
  for (;;) {
    const made = await client.send(new CreateBucketCommand({ Bucket: BUCKET })).then(
      () => true,
      (error: Error) => /BucketAlreadyOwnedByYou|BucketAlreadyExists/.test(error.name),
    );
    if (made) break;
    await delay(50);
  }
  const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  Object.assign(process.env, credentials);
  return {
    endpoint,
    credentials,
    bucket: BUCKET,
    client,
    place: (prefix = "", more = "") =>
      `s3://${BUCKET}${prefix === "" ? "" : `/${prefix}`}?endpoint=${encodeURIComponent(endpoint)}${more}`,
  };
}
