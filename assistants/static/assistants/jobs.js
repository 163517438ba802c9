// The page: what there is to be done, what was done, and one of them.

import { askAsMe } from "../account/api.js";
import { find, onSubmit } from "../account/forms.js";
import { briefOf, fieldsOf } from "./brief.js";
import { element, reveal, within } from "./elements.js";
import { close, open } from "./job.js";
import { rolesOf } from "./roles.js";
import { day, money, number, refusal, STATES } from "./words.js";

const KIND = find("#page").dataset.kind;
const API = `/api/v1/assistants/${KIND}`;

let crews = []; // What can be asked for.
let unsent = {}; // What was asked last and not answered, with its key, so that asking again begins nothing twice.

function say(words, bad = false) {
  const place = find("#said");
  place.textContent = words;
  place.classList.toggle("bad", bad);
  reveal(place, Boolean(words));
}

// ---- a new one ------------------------------------------------------------------------------------------------------

async function crewsAndPrice() {
  if (KIND === "strategies") return { types: [await askAsMe("GET", `${API}/crew`)], price: null };
  return askAsMe("GET", `${API}/types`);
}

const chosen = () => crews.find(({ type }) => type === find("#types select").value) ?? crews[0];

function showForm() {
  const crew = chosen();
  find("#new [data-description]").textContent = crew.description;
  find("#new .roles").replaceChildren(...rolesOf(crew));
  find("#new .fields").replaceChildren(...fieldsOf(crew.brief));
}

function showPrice(price) {
  const place = find("#price");
  reveal(place, price?.limit != null);
  if (place.hidden) return;
  const each = price.unit_price && money(price.unit_price, price.currency);
  const left = `${number.format(price.remaining)} of ${number.format(price.limit)} operations are left.`;
  const beyond = each ? ` Beyond them, one costs ${each}.` : "";
  place.classList.toggle("bad", price.is_refused);
  if (price.is_refused) place.replaceChildren("Your operations are used up. ", larger());
  else place.textContent = price.amount ? `The operations of your plan are used up: the next one costs ${each}.` : left + beyond;
}

function larger() {
  return Object.assign(element("a", "See what helps"), { href: "/account/billing" });
}

function keyFor(asked) {
  const written = JSON.stringify(asked);
  if (unsent.written !== written) {
    unsent = { written, key: [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join("-") };
  }
  return unsent.key;
}

async function begin(brief) {
  const isOperation = KIND === "operations";
  const asked = isOperation ? { type: chosen().type, brief } : { brief };
  const headers = { "idempotency-key": keyFor(asked), prefer: "respond-async" };
  try {
    const job = await askAsMe("POST", isOperation ? `${API}/execute` : API, asked, headers);
    unsent = {};
    return job;
  } catch (problem) {
    if (problem.status) unsent = {};
    throw await refusal(problem);
  }
}

onSubmit(find("#new form"), async () => {
  const form = find("#new form");
  say("");
  const job = await begin(briefOf(form, chosen().brief));
  form.reset();
  location.hash = job.id;
});

find("#types select").addEventListener("change", showForm);

// ---- those that were made -------------------------------------------------------------------------------------------

let older = null; // The query that asks for them.

function line(job) {
  const [words, kind] = STATES[job.state];
  const link = Object.assign(element("a", job.title), { href: `#${job.id}` });
  const crew = crews.length > 1 ? crews.find(({ type }) => type === job.type)?.name : null;
  const about = element("small", [crew, day(job.created_at)].filter(Boolean).join(" · "));
  const coming = job.state === "running" ? `${words}, ${job.steps_done} of ${job.steps_in_all}` : words;
  return within("li", "", within("div", "", within("b", "", link), about), element("span", coming, `mark ${kind}`));
}

async function showMade(query = "") {
  const { results, next } = await askAsMe("GET", API + query);
  const rows = find("#made .rows");
  if (!query) rows.replaceChildren();
  rows.append(...results.map(line));
  older = next && new URL(next).search;
  reveal(find("#made [data-more]"), Boolean(older));
  reveal(find("#made [data-none]"), rows.children.length === 0);
}

find("#made [data-more]").addEventListener("click", () => showMade(older).catch((problem) => say(problem.message, true)));

// ---- which of them is looked at: the one that the address names ----------------------------------------------------

const named = () => location.hash.match(/^#([0-9a-f-]{36})$/)?.[1];

async function turn() {
  const id = named();
  close();
  reveal(find("#all"), !id);
  reveal(find("#one"), Boolean(id));
  if (id) return open(`${API}/${id}`, crews, gone);
  const [{ price }] = await Promise.all([crewsAndPrice(), showMade()]);
  showPrice(price);
}

/** Back to all of them. */
function gone(words, bad) {
  history.replaceState(null, "", location.pathname);
  return turn().then(() => {
    say(words, bad);
    find("#all h1").focus();
  });
}

const turned = () => turn().catch((problem) => gone(problem.message, true));

addEventListener("hashchange", () => {
  say("");
  turned().then(() => find(named() ? "#one h1" : "#all h1").focus());
});

crews = (await crewsAndPrice()).types;
find("#types select").replaceChildren(...crews.map(({ type, name }) => Object.assign(element("option", name), { value: type })));
reveal(find("#types"), crews.length > 1);
showForm();
await turned();
reveal(find("#page"));
