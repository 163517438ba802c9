// What is said of jobs.

import { askAsMe } from "../account/api.js";

export const number = new Intl.NumberFormat();

export const STATES = {
  queued: ["Waiting", ""],
  running: ["Working", ""],
  completed: ["Done", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", ""],
};

const ERRORS = {
  step_failed: "A step gave nothing that could be used.",
  quota_exceeded: "Your allowance had no room for the next step.",
  given_up: "It was begun too often without an end.",
};

export function day(moment) {
  return new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** 2900 USD is $29.00: the browser knows how many digits a currency has. */
export function money(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Why it ended early, and what of it stays. */
export function failure(code) {
  return `${ERRORS[code] ?? `It ended early (${code}).`} Steps that were done stay; the others are not charged.`;
}

/** What it was charged, once it has ended. */
export function charge({ spent, beyond, amount, currency }) {
  const units = ["operations", "tokens"].filter((meter) => spent[meter]).map((meter) => counted(spent[meter], meter));
  if (!units.length) return "Nothing was charged.";
  return `Charged: ${units.join(" and ")}${beyond && amount ? `, of it ${money(amount, currency)} beyond your plan` : ""}.`;
}

function counted(amount, meter) {
  return `${number.format(amount)} ${amount === 1 ? meter.slice(0, -1) : meter}`;
}

/** A Problem in words for people, where it is about a limit, and with the field that it is about. */
export async function refusal(problem) {
  if (problem.code === "quota_exceeded" && problem.body.decision) {
    const decision = await askAsMe("GET", problem.body.decision).catch(() => null);
    if (decision) problem.message = ofDecision(decision);
  }
  return problem;
}

function ofDecision({ limits, next_step: { step, until, text } }) {
  const said = step === "wait" && until ? "" : text; // When it begins anew is said of each limit.
  return [...limits.filter(({ refused }) => refused).map(ofLimit), said].join(" ");
}

function ofLimit({ meter, window, limit, reserved, remaining, credits, hold, resets_at }) {
  const during = window === "lifetime" ? "in all" : `a ${window}`;
  const held = reserved ? `, ${number.format(reserved)} are held by work under way` : "";
  const anew = resets_at ? `They begin anew ${day(resets_at)}.` : "They never begin anew.";
  return `This needs ${counted(hold, meter)}. Of your ${number.format(limit)} ${during}, ${number.format(remaining + credits)} are left${held}. ${anew}`;
}
