// One job: how it comes along, what came, and what can be done with it.

import { answerToMe, askAsMe } from "../account/api.js";
import { find, onSubmit } from "../account/forms.js";
import { element, reveal, within } from "./elements.js";
import { eventsOf } from "./events.js";
import { partsOf } from "./results.js";
import { markRole, rolesOf } from "./roles.js";
import { charge, day, failure, STATES } from "./words.js";

const ENDINGS = { pdf: "pdf", markdown: "md", json: "json" };
const UNFINISHED = ["queued", "running"];

const page = find("#one");
const part = (selector) => find(selector, page);

let shown = null; // `{address, job, crew, gone, leaving}` of the job that is looked at.

/** Shows it and follows it to its end. `gone` is told when it is no more. Throws a Problem. */
export async function open(address, crews, gone) {
  const leaving = new AbortController();
  shown = { address, gone, leaving };
  const job = await askAsMe("GET", address);
  if (leaving.signal.aborted) return;
  const crew = crews.find(({ type }) => type === job.type);
  Object.assign(shown, { job, crew });
  showAll(job, crew);
  if (UNFINISHED.includes(job.state)) follow(shown).catch((problem) => complain(problem));
}

export function close() {
  shown?.leaving.abort();
  shown = null;
}

function complain(problem) {
  const place = part("[data-wrong]");
  place.textContent = problem?.message ?? "";
  reveal(place, Boolean(problem));
}

// ---- what there is --------------------------------------------------------------------------------------------------

function showAll(job, crew) {
  complain(null);
  part("[data-title]").textContent = job.title;
  part("[data-about]").textContent = `Asked for ${day(job.created_at)}`;
  part("progress").max = crew.roles.length;
  part(".roles").replaceChildren(...rolesOf(crew));
  part("#results").replaceChildren();
  part("#brief").replaceChildren(part("#brief summary"), ...partsOf(job.brief, crew.brief));
  reveal(part("[data-demo]"), false);
  showState(job);
  for (const step of job.steps) showStep(step);
}

function showState(job) {
  const [words, kind] = STATES[job.state];
  const isOver = !UNFINISHED.includes(job.state);
  part("[data-state]").textContent = words;
  part("[data-state]").className = `mark ${kind}`;
  part("progress").value = job.steps_done;
  [...part(".roles").children].forEach((item, position) => {
    if (position < job.steps_done) return;
    markRole(item, isOver ? "stopped" : "waiting", isOver ? "Not done" : "Waiting");
  });
  hear(ENDED[job.state] ?? "It waits for its turn.");
  part("[data-charged]").textContent = isOver ? charge(job.charged) : "";
  reveal(part("[data-charged]"), isOver);
  reveal(part("#cancel"), !isOver);
  reveal(part("#downloads"), isOver && job.steps.length > 0);
  if (job.state === "failed") complain({ message: failure(job.error) });
}

const ENDED = {
  completed: "It is done.",
  failed: "It ended early.",
  cancelled: "It was cancelled. Steps that were done stay.",
};

function hear(words) {
  part("[data-heard]").textContent = words;
}

/** A step's result: the last one's stands first, since it is what was asked for. */
function showStep({ position, result, demo, duration_ms: took }) {
  const { roles } = shown.crew;
  const isLast = position === roles.length - 1;
  markRole(part(".roles").children[position], "done", `Done in ${(took / 1000).toFixed(1)} s`);
  part("progress").value = Math.max(part("progress").value, position + 1);
  if (demo) reveal(part("[data-demo]"));
  const given = resultOf(roles[position], isLast, result);
  given.dataset.position = position;
  given.open = isLast || UNFINISHED.includes(shown.job.state);
  part(`#results > [data-position="${position}"]`)?.remove();
  if (isLast) part("#results").prepend(given);
  else part("#results").append(given);
}

function resultOf(role, isLast, result) {
  const title = isLast ? "The result" : `What the ${role.name.toLowerCase()} gave`;
  return within("details", "card result", element("summary", title), ...partsOf(result, role.result));
}

// ---- while it comes along -------------------------------------------------------------------------------------------

const HEARD = {
  "job.started": () => (part("[data-state]").textContent = STATES.running[0]),
  "step.started": ({ position, name }) => {
    markRole(part(".roles").children[position], "working", "Working");
    hear(`The ${name.toLowerCase()} is working, ${position + 1} of ${shown.crew.roles.length}.`);
  },
  "step.completed": showStep,
};

async function follow({ address, leaving: { signal } }) {
  for await (const { name, data } of eventsOf(`${address}/events`, lost, signal)) {
    if (!HEARD[name]) return ended(address, signal);
    HEARD[name](data);
  }
}

function lost(isAway) {
  complain(isAway ? { message: "The connection broke off. It goes on meanwhile, and we try to reach it again." } : null);
}

/** What it was charged is known only now. */
async function ended(address, signal) {
  const job = await askAsMe("GET", address);
  if (signal.aborted) return;
  shown.job = job;
  showState(job);
}

// ---- what can be done with it ---------------------------------------------------------------------------------------

onSubmit(find("#cancel"), async () => {
  await askAsMe("POST", `${shown.address}/cancel`);
  hear("It is being cancelled.");
});

onSubmit(find("#delete"), async () => find("#sure").showModal());

find("#sure [value=cancel]").addEventListener("click", () => find("#sure").close());

onSubmit(find("#sure form"), async () => {
  const { address, gone } = shown;
  await askAsMe("DELETE", address);
  find("#sure").close();
  await gone("It is deleted.");
});

for (const button of find("#downloads").children) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    await download(button.value).catch(complain);
    button.disabled = false;
  });
}

/** A link cannot say who asks, so the file is fetched first. */
async function download(as) {
  const answer = await answerToMe("GET", `${shown.address}/export?as=${as}`);
  const address = URL.createObjectURL(await answer.blob());
  Object.assign(element("a"), { href: address, download: `${shown.job.type}.${ENDINGS[as]}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
