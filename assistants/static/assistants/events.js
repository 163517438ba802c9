// A job's server-sent events. EventSource sends no headers, so they are read here, and gone on with where they broke off.

import { answerToMe } from "../account/api.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
const LONGEST_SILENCE = 40_000; // The server gives a sign of life every 15 s.

/** Yields `{id, name, data}`, each event once, until `signal` aborts; `lost` hears whether the connection is away.
 * Throws the Problem that trying again does not help. */
export async function* eventsOf(address, lost, signal) {
  let after = "0";
  let pause = FIRST_PAUSE;
  while (!signal.aborted) {
    try {
      for await (const told of connection(address, after, signal)) {
        lost(false);
        after = told.id;
        pause = FIRST_PAUSE;
        yield told;
      }
    } catch (problem) {
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) throw problem;
    }
    if (signal.aborted) return;
    lost(true);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

async function* connection(address, after, signal) {
  const hung = new AbortController();
  const until = AbortSignal.any([signal, hung.signal]);
  let watch = setTimeout(() => hung.abort(), LONGEST_SILENCE);
  try {
    const headers = { accept: "text/event-stream", "last-event-id": after };
    const answer = await answerToMe("GET", address, undefined, headers, until);
    for await (const frame of frames(answer.body)) {
      clearTimeout(watch);
      watch = setTimeout(() => hung.abort(), LONGEST_SILENCE);
      if (frame.name) yield frame;
    }
  } finally {
    clearTimeout(watch);
    hung.abort();
  }
}

async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    yield* whole.map(parsed);
  }
}

/** A sign of life has no name. */
function parsed(frame) {
  const fields = {};
  for (const line of frame.split("\n")) {
    const [, field, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
    if (field) fields[field] = value;
  }
  return { id: fields.id, name: fields.event, data: fields.data && JSON.parse(fields.data) };
}
