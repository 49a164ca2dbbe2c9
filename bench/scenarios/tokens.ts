// What it costs to check a token: the first time, and when it was verified before.
import { generateKeyPair, SignJWT } from "jose";
import { Tokens } from "../../src/access/tokens/tokens.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const ISSUER = "https://issuer.example";
const CALLS = 500;

export async function tokens(stage: Stage): Promise<Row> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const keys = async () => publicKey;
  const issuer = { issuer: ISSUER, audience: ["bench"], algorithms: ["ES256"], keys, claims: {} };
  const first: number[] = [];
  const again: number[] = [];
  for (let round = 0; round <= stage.effort.repeats; round++) {
    const checked = new Tokens({ issuers: [issuer as never] });
    const made = await Promise.all(Array.from({ length: CALLS }, (_, n) => sign(privateKey, `member-${n}`)));
    const verified = await micros(made, (token) => checked.verify(token));
    const remembered = await micros(made, async (token) => {
      if (checked.remembered(token) === undefined) throw new Error("the token was forgotten");
    });
    if (round === 0) continue;
    first.push(verified);
    again.push(remembered);
  }
  return {
    goal: "–",
    work: "Check a token signed with ES256",
    measured: [
      { name: "first", amount: spreadOf(first), unit: " µs" },
      { name: "verified before", amount: spreadOf(again), unit: " µs" },
    ],
    verdicts: [],
  };
}

async function micros(tokens: readonly string[], check: (token: string) => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  for (const token of tokens) await check(token);
  return ((performance.now() - begun) * 1000) / tokens.length;
}

function sign(key: CryptoKey, sub: string): Promise<string> {
  return new SignJWT({ sub, tenant: "default" })
    .setProtectedHeader({ alg: "ES256", kid: "1" })
    .setIssuer(ISSUER)
    .setAudience("bench")
    .setExpirationTime("1h")
    .sign(key);
}
