// Encrypts the credentials of agents and the secrets of webhooks: AES-256-GCM, bound to tenant and owner.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** The first byte, for future formats. */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Sealer {
  seal(secret: string, owner: SealOwner): Buffer;
  /** Throws if the key or the owner differs, or the data are damaged. */
  open(sealed: Uint8Array, owner: SealOwner): string;
}

/** The owner to which a secret is bound. */
export interface SealOwner {
  readonly tenantId: string;
  readonly id: string;
  /** What it is. Default: an agent. */
  readonly kind?: "agent" | "webhook";
}

/** The owner of the secret of one of an agent's tools. */
export function toolOwner({ tenantId, id }: SealOwner, tool: string): SealOwner {
  return { tenantId, id: `${id}/tools/${tool}` };
}

/** The owner of the secret of one of an agent's MCP servers. */
export function mcpOwner({ tenantId, id }: SealOwner, server: string): SealOwner {
  return { tenantId, id: `${id}/mcp/${server}` };
}

/**
 * @param keys of 32 bytes: the first encrypts, all decrypt; may be changed later
 * @param onUnknown called when none of them decrypts a secret. Default: ignored
 */
export function createSealer(keys: readonly Uint8Array[], onUnknown: () => void = () => {}): Sealer {
  if (keys.length === 0 || keys.some((key) => key.length !== 32)) {
    throw new Error("the keys for agents' credentials must have 32 bytes");
  }
  const owned = ({ tenantId, id, kind = "agent" }: SealOwner) => Buffer.from(`${kind}/${tenantId}/${id}`);
  const [first] = keys as readonly [Uint8Array];
  return {
    seal(secret, owner) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", first, nonce, { authTagLength: TAG_BYTES }).setAAD(owned(owner));
      const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), text]);
    },
    open(sealed, owner) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== VERSION || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error("not a sealed secret");
      let failure: unknown;
      for (const key of keys) {
        try {
          return openWith(key, bytes, owned(owner));
        } catch (error) {
          failure = error;
        }
      }
      onUnknown();
      throw failure;
    },
  };
}

function openWith(key: Uint8Array, bytes: Buffer, owned: Buffer): string {
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(owned).setAuthTag(tag);
  const text = bytes.subarray(1 + NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(text), decipher.final()]).toString("utf8");
}
