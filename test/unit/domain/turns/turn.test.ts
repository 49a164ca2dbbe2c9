// The rules of turns that need no I/O: states, the text as it grows, the circuit.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Circuit } from "../../../../src/agents/connectors/circuit-breaker.ts";
import { codePoints, fromCodePoint, TurnText } from "../../../../src/domain/turns/reply-text.ts";
import { isOpen, mayBecome, statesBefore, TURN_TIMES, TurnState } from "../../../../src/domain/turns/turn.ts";
import { anyCharacter } from "../../../support/random/any-character.ts";

describe("the states of a turn", () => {
  const { QUEUED, RUNNING, INPUT_REQUIRED, COMPLETE, CANCELLED, FAILED } = TurnState;
  test.each([COMPLETE, CANCELLED, FAILED])("%i is an end", (end) => {
    expect(isOpen(end)).toBe(false);
    for (const next of [QUEUED, RUNNING, COMPLETE, CANCELLED, FAILED]) expect(mayBecome(end, next)).toBe(false);
  });

  test("only a turn that ran is complete; one that waits can be cancelled and can fail", () => {
    expect(statesBefore(COMPLETE)).toEqual([RUNNING]);
    expect(statesBefore(CANCELLED)).toEqual([QUEUED, RUNNING, INPUT_REQUIRED]);
    expect(statesBefore(FAILED)).toEqual([QUEUED, RUNNING, INPUT_REQUIRED]);
    expect(statesBefore(RUNNING)).toEqual([QUEUED, INPUT_REQUIRED]);
    expect(mayBecome(RUNNING, QUEUED)).toBe(false);
  });

  test("a dead server's turn is found within 10 s, and a living one's is renewed in time", () => {
    expect(TURN_TIMES.leaseMs + TURN_TIMES.sweepEveryMs).toBeLessThan(8_000);
    expect(TURN_TIMES.renewEveryMs * 3).toBeLessThan(TURN_TIMES.leaseMs);
  });
});

describe("a reply as it grows", () => {
  const pieces = fc.array(fc.string({ unit: "grapheme", maxLength: 5 }), { maxLength: 20 });

  test("is the same from every offset, however it is cut", () => {
    fc.assert(
      fc.property(pieces, fc.nat(200), (said, offset) => {
        const text = new TurnText(1_000_000);
        for (const piece of said) expect(text.append(piece)).toBe(true);
        const whole = said.join("").toWellFormed().replaceAll("\0", "\ufffd");
        expect(text.whole).toBe(whole);
        expect(text.length).toBe([...whole].length);
        expect(text.after(offset)?.text ?? "").toBe([...whole].slice(offset).join(""));
      }),
    );
  });

  test("holds back half a character until its other half comes", () => {
    const text = new TurnText(100);
    text.append("a\ud83d");
    expect(text.whole).toBe("a");
    text.append("\ude00b");
    expect(text.after(1)).toEqual({ text: "😀b", offset: 1, nextOffset: 3 });
  });

  test("ends with a whole character at its limit", () => {
    for (let limit = 0; limit < 12; limit++) {
      const text = new TurnText(limit);
      expect(text.append("ä😀€!")).toBe(limit >= 10);
      expect(Buffer.byteLength(text.whole)).toBeLessThanOrEqual(limit);
      expect("ä😀€!".startsWith(text.whole)).toBe(true);
    }
  });

  test("is counted in code points", () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.nat(30), (text, offset) => {
        expect(codePoints(text)).toBe([...text].length);
        expect(fromCodePoint(text, offset)).toBe([...text].slice(offset).join(""));
      }),
    );
  });
});

describe("a circuit", () => {
  function circuit() {
    const clock = { now: 0 };
    return { clock, circuit: new Circuit({ failures: 3, openMs: 100, maxRestMs: 1_000 }, () => clock.now) };
  }

  test("opens after so many failures in a row, and no fewer", () => {
    const { circuit: own } = circuit();
    for (const outcome of ["failed", "failed", "succeeded", "failed", "failed"] as const) {
      expect(own.enter()).toBeUndefined();
      own[outcome]();
    }
    expect(own.enter()).toBeUndefined();
    own.failed();
    expect(own.enter()).toBe(100);
  });

  test("lets one call through when its time is over, whose outcome decides", () => {
    const { circuit: own, clock } = circuit();
    for (let times = 0; times < 3; times++) own.failed();
    clock.now = 100;
    expect(own.enter()).toBeUndefined();
    expect(own.enter()).toBeGreaterThan(0);
    own.failed();
    expect(own.enter()).toBe(100);
    clock.now = 200;
    expect(own.enter()).toBeUndefined();
    own.abandoned();
    expect(own.enter()).toBeUndefined();
    own.succeeded();
    expect(own.enter()).toBeUndefined();
    expect(own.enter()).toBeUndefined();
  });
});
