import { askAsMe } from "../account/api.js";
import { find, onSubmit } from "../account/forms.js";

const API = "/api/v1/";
const WORDS = {
  trialing: ["On trial", "good"],
  active: ["Active", "good"],
  past_due: ["Payment failed", "bad"],
  unpaid: ["Unpaid", "bad"],
  paused: ["Paused", "bad"],
};

const show = (selector, shown = true) => (find(selector).hidden = !shown);
const day = (moment) => new Date(moment).toLocaleDateString(undefined, { dateStyle: "long" });
const number = new Intl.NumberFormat();

function say(words, bad = false) {
  find("#said").textContent = words;
  find("#said").classList.toggle("bad", bad);
  show("#said");
}

/** 2900 USD is $29.00: the browser knows how many digits a currency has. */
function money(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function element(name, words, kind = "") {
  return Object.assign(document.createElement(name), { textContent: words, className: kind });
}

// ---- what runs ------------------------------------------------------------------------------------------------------

function until(subscription) {
  if (!subscription?.current_period_end) return "";
  if (subscription.status === "past_due") {
    const words = "We try again; pay in \u201cCards and invoices\u201d to keep it.";
    return subscription.entitled ? `The plan goes on until ${day(subscription.entitled_until)}. ${words}` : `The plan has stopped. ${words}`;
  }
  const end = day(subscription.current_period_end);
  if (subscription.next_plan) return `It changes to ${subscription.next_plan} on ${end}.`;
  return subscription.cancel_at_period_end ? `It ends on ${end}.` : `It renews on ${end}.`;
}

function showCurrent({ current_plan, subscription }, plans) {
  const slug = subscription?.plan ?? current_plan;
  find("[data-plan]").textContent = plans.find((plan) => plan.slug === slug)?.name ?? slug;
  const ending = subscription?.cancel_at_period_end;
  const [words, kind] = WORDS[subscription?.status] ?? ["", ""];
  find("[data-status]").textContent = ending ? "Ends soon" : words;
  find("[data-status]").className = `mark ${ending ? "" : kind}`;
  find("[data-until]").textContent = until(subscription);
  show("#cancel", Boolean(subscription?.price) && !ending);
  show("#resume", Boolean(ending));
}

function meter({ meter, window, limit, used, reserved, remaining, resets_at, policy, credits }) {
  const amount = (units) => (meter === "cost" ? money(units / 10000, "USD") : number.format(units)); // micro-USD
  const row = element("p", "", "row");
  const during = window === "lifetime" ? "in all" : `a ${window}`;
  row.append(element("span", `${meter[0].toUpperCase()}${meter.slice(1)} ${during}`));
  row.append(element("span", `${amount(used + reserved)} of ${amount(limit)}`, "soft"));
  const bar = Object.assign(document.createElement("progress"), { max: Math.max(limit, 1), value: Math.min(used + reserved, limit) });
  bar.setAttribute("aria-label", `${meter} ${during}`);
  bar.classList.toggle("full", remaining === 0 && policy === "hard" && !credits);
  const item = document.createElement("li");
  const anew = resets_at ? `Begins anew ${new Date(resets_at).toLocaleString()}` : "Never begins anew";
  const beside = credits ? `, and ${amount(credits)} in credits` : "";
  item.append(row, bar, element("small", anew + beside, "soft"));
  return item;
}

// ---- plans ----------------------------------------------------------------------------------------------------------

function price(plan) {
  const [first] = plan.prices;
  const words = element("p", first ? money(first.amount, first.currency) : "", "price");
  if (first) words.append(element("small", first.interval_count > 1 ? ` every ${first.interval_count} ${first.interval}s` : ` a ${first.interval}`));
  return words;
}

function offer(plan, current, subscription) {
  const item = element("li", "", plan.slug === (subscription?.plan ?? current) ? "chosen" : "");
  const features = document.createElement("ul");
  features.append(...plan.features.map((feature) => element("li", feature)));
  item.append(element("h3", plan.name), price(plan), features);
  if (!item.className && plan.prices[0]?.amount) {
    const form = document.createElement("form");
    form.append(Object.assign(element("button", `Choose ${plan.name}`), { type: "submit" }));
    onSubmit(form, () => (subscription?.price ? change(plan) : checkOut(plan)));
    item.append(form);
  } else if (item.className) {
    item.append(element("p", "Your plan", "mark good"));
  }
  return item;
}

async function checkOut(plan) {
  const here = `${location.origin}${location.pathname}`;
  const ways = { success_url: `${here}?checkout=done`, cancel_url: `${here}?checkout=left` };
  location.assign((await askAsMe("POST", `${API}billing/checkout`, { plan: plan.slug, ...ways })).url);
}

// ---- packs ----------------------------------------------------------------------------------------------------------

const STATES = { open: ["Not paid yet", ""], paid: ["Paid", "good"], failed: ["Failed", "bad"], refunded: ["Paid back", ""] };

function described(name, words) {
  const told = element("span", "");
  told.append(element("b", name), element("small", words, "soft"));
  return told;
}

function offerPack(pack) {
  const lasts = pack.lasts_days ? `for ${pack.lasts_days} days` : "never expires";
  const item = element("li", "");
  const form = document.createElement("form");
  const button = Object.assign(element("button", "Buy", "quiet"), { type: "submit" });
  button.setAttribute("aria-label", `Buy ${pack.name}`);
  form.append(button);
  onSubmit(form, () => buy(pack));
  item.append(described(pack.name, lasts), element("span", money(pack.price, pack.currency), "sum"), form);
  return item;
}

function boughtPack({ name, price, currency, state, error, created_at }) {
  const [words, kind] = STATES[state];
  const sum = element("span", money(price, currency), "sum");
  sum.append(" ", element("small", words, `mark ${kind}`));
  const item = element("li", "");
  item.append(described(name, error ? `${day(created_at)}. ${error}` : day(created_at)), sum);
  return item;
}

async function buy(pack) {
  const here = `${location.origin}${location.pathname}`;
  const ways = { success_url: `${here}?checkout=done`, cancel_url: `${here}?checkout=left` };
  try {
    await askAsMe("POST", `${API}billing/packs/${pack.slug}/purchases`, ways);
  } catch (problem) {
    if (problem.code !== "payment_required") throw problem;
    return location.assign(problem.body.checkout_url);
  }
  await refresh();
  say(`${pack.name}: bought.`);
}

function showPacks(packs, bought) {
  find("[data-offered]").replaceChildren(...packs.map(offerPack));
  find("[data-bought]").replaceChildren(...bought.map(boughtPack));
  show("[data-had]", bought.length > 0);
  show("#packs", packs.length + bought.length > 0);
}

async function change(plan) {
  const preview = await askAsMe("POST", `${API}billing/subscription/preview`, { plan: plan.slug });
  const dialog = find("#confirm");
  const form = find("form", dialog).cloneNode(true);
  dialog.replaceChildren(form);
  find("[data-title]", form).textContent = `Change to ${plan.name}`;
  find("ul", form).replaceChildren(
    ...preview.lines.map((line) => {
      const item = element("li", "");
      item.append(element("span", line.description), element("span", money(line.amount, preview.currency)));
      return item;
    }),
  );
  const later = preview.lines.length === 0;
  find("[data-what]", form).textContent = later ? `It counts from ${day(preview.counts_from)} on. Until then you keep what you paid for.` : "To pay now";
  find("[data-amount]", form).textContent = later ? "" : money(preview.amount_due, preview.currency);
  dialog.showModal();
  find("[value=cancel]", form).addEventListener("click", () => dialog.close());
  onSubmit(form, async () => {
    await askAsMe("PATCH", `${API}billing/subscription`, { plan: plan.slug, previewed_at: preview.at });
    dialog.close();
    await refresh();
    say(later ? `Your plan changes to ${plan.name} on ${day(preview.counts_from)}.` : `You are on ${plan.name} now.`);
  });
}

// ---- the page -------------------------------------------------------------------------------------------------------

onSubmit(find("#manage"), async () => {
  const page = await askAsMe("POST", `${API}billing/portal`, { return_url: `${location.origin}${location.pathname}` });
  location.assign(page.url);
});

onSubmit(find("#cancel"), async () => {
  await askAsMe("POST", `${API}billing/subscription/cancel`, {});
  say("The plan goes on until the end of what you paid for, and ends then.");
  await refresh();
});

onSubmit(find("#resume"), async () => {
  await askAsMe("POST", `${API}billing/subscription/resume`);
  say("The plan goes on.");
  await refresh();
});

async function refresh() {
  const asked = ["billing/subscription", "billing/plans", "quotas/usage/current", "billing/summary", "billing/packs", "billing/pack-purchases"];
  const [mine, plans, usage, summary, packs, bought] = await Promise.all(asked.map((path) => askAsMe("GET", API + path)));
  showCurrent(mine, plans);
  find(".meters").replaceChildren(...usage.limits.map(meter));
  find(".plans").replaceChildren(...plans.map((plan) => offer(plan, mine.current_plan, mine.subscription)));
  showPacks(packs, bought.results.filter((purchase) => purchase.state !== "open"));
  show("#simulated", summary.simulated);
}

const BACK = { done: "Thank you for your payment.", left: "Nothing was paid." };
const back = BACK[new URLSearchParams(location.search).get("checkout")];
history.replaceState(null, "", location.pathname);

await refresh();
show("#page");
if (back) say(back);
