import { ask, askAsMe, forget, refreshToken, signInFirst } from "./api.js";
import { find, onSubmit } from "./forms.js";

const show = (selector, shown = true) => (find(selector).hidden = !shown);

function say(words, bad = false) {
  find("#said").textContent = words;
  find("#said").classList.toggle("bad", bad);
  show("#said");
  find("#said").scrollIntoView({ block: "nearest" });
}

const complain = (problem) => say(problem.message, true);

function mark(place, kind, words) {
  place.className = `mark ${kind}`;
  place.textContent = words;
}

// ---- the address ----------------------------------------------------------------------------------------------------

async function showAddress() {
  const me = await askAsMe("GET", "me");
  find("#address [data-email]").textContent = me.email;
  mark(find("[data-verified]"), me.email_verified ? "good" : "bad", me.email_verified ? "Confirmed" : "Not confirmed");
  show("#verify", !me.email_verified);
}

onSubmit(find("#verify"), async () => {
  await askAsMe("POST", "verify-email/resend");
  say("A letter is on its way.");
});

onSubmit(find("#move"), async (told) => {
  await proving(() => askAsMe("POST", "me/email", told));
  find("#move").reset();
  say(`A letter is on its way to ${told.email}. Your account moves there once you open its link.`);
});

// ---- the password ---------------------------------------------------------------------------------------------------

onSubmit(find("#change"), async (told) => {
  await proving(() => askAsMe("POST", "change-password", told));
  find("#change").reset();
  say("Your password is changed, and you are signed out everywhere else.");
  await showSessions();
});

// ---- the authenticator app ------------------------------------------------------------------------------------------

async function showFactor() {
  const { results } = await askAsMe("GET", "authenticators");
  const app = results.find(({ type }) => type === "totp");
  const codes = results.find(({ type }) => type === "recovery_codes");
  mark(find("[data-active]"), app ? "good" : "", app ? "On" : "Off");
  find("[data-unused]").textContent = codes ? `${codes.unused} of ${codes.total} recovery codes are unused.` : "";
  show("#begin", !app);
  show("#active", Boolean(app));
  show("#set-up", false);
}

function showCodes(codes) {
  if (!codes) return;
  const items = codes.map((code) => Object.assign(document.createElement("li"), { textContent: code }));
  find(".codes").replaceChildren(...items);
  show("#recovery");
  find("#recovery h3").focus();
}

onSubmit(find("#begin"), async () => {
  const { secret, svg } = await proving(() => askAsMe("GET", "authenticators/totp"));
  find("#qr").src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  find("#secret").textContent = secret.match(/.{1,4}/g).join(" ");
  show("#begin", false);
  show("#set-up");
  find("#first-code input").focus();
});

onSubmit(find("#first-code"), async (told) => {
  const made = await proving(() => askAsMe("POST", "authenticators/totp", told));
  find("#first-code").reset();
  await showFactor();
  showCodes(made.recovery_codes);
});

onSubmit(find("#renew"), async () => {
  const made = await proving(() => askAsMe("POST", "authenticators/recovery-codes"));
  await showFactor();
  showCodes(made.recovery_codes);
});

onSubmit(find("#remove"), async () => {
  await proving(() => askAsMe("DELETE", "authenticators/totp"));
  show("#recovery", false);
  await showFactor();
  say("The authenticator app is switched off.");
});

find("#copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText([...document.querySelectorAll(".codes li")].map((one) => one.textContent).join("\n"));
  find("#copy").textContent = "Copied";
});

/** Does `act`; where it takes a fresh proof, asks for it and does it again. */
async function proving(act) {
  try {
    return await act();
  } catch (problem) {
    if (problem.code !== "reauthentication_required") throw problem;
    const address = (problem.body.reauthenticate ?? []).find((one) => !one.endsWith("/passkey"));
    if (!address) throw problem;
    await proof(address);
    return act();
  }
}

function proof(address) {
  const byCode = address.endsWith("/2fa");
  const dialog = find("#prove");
  const form = find("form", dialog).cloneNode(true); // A fresh one, without what listened to the last.
  dialog.replaceChildren(form);
  find(".lead", form).textContent = byCode
    ? "Type the code that your authenticator app shows, or a recovery code."
    : "Type your password once more.";
  find("label span", form).textContent = byCode ? "Code" : "Password";
  Object.assign(form.elements.proof, {
    type: byCode ? "text" : "password",
    autocomplete: byCode ? "one-time-code" : "current-password",
    value: "",
  });
  dialog.showModal();
  return new Promise((resolve, reject) => {
    const cancel = () => (dialog.close(), reject(new Error("This was not done.")));
    dialog.oncancel = cancel;
    find("[value=cancel]", form).addEventListener("click", cancel);
    onSubmit(form, async (told) => {
      await askAsMe("POST", address.replace("/api/v1/auth/", ""), byCode ? { code: told.proof } : { password: told.proof });
      dialog.close();
      resolve();
    });
  });
}

// ---- sessions -------------------------------------------------------------------------------------------------------

async function showSessions() {
  const { results } = await askAsMe("GET", "sessions?page_size=100");
  find("#sessions .rows").replaceChildren(...results.map(row));
}

function row(session) {
  const item = document.createElement("li");
  const words = document.createElement("div");
  const name = Object.assign(document.createElement("b"), { textContent: program(session.user_agent) });
  const used = new Date(session.refreshed_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const about = Object.assign(document.createElement("small"), { textContent: [session.ip, used].filter(Boolean).join(" · ") });
  words.append(name, about);
  item.append(words, session.current ? here() : ender(session, item));
  return item;
}

function program(agent) {
  const browser = agent.match(/(Firefox|Edg|OPR|Chrome|Safari)\//)?.[1];
  const system = agent.match(/(Windows|Android|iPhone|iPad|Mac OS X|Linux)/)?.[1];
  const names = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  if (!browser) return agent.split(" ")[0] || "Unknown program";
  return [names[browser] ?? browser, names[system] ?? system].filter(Boolean).join(" on ");
}

function here() {
  return Object.assign(document.createElement("span"), { className: "mark good", textContent: "Here" });
}

function ender(session, item) {
  const button = Object.assign(document.createElement("button"), { className: "quiet", textContent: "End" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    await askAsMe("DELETE", `sessions/${session.id}`).then(() => item.remove(), complain);
    button.disabled = false;
  });
  return button;
}

onSubmit(find("#everywhere"), async () => {
  await askAsMe("POST", "logout-everywhere");
  await signInFirst();
});

find("#sign-out").addEventListener("click", async () => {
  await ask("POST", "logout", { refresh: refreshToken() }).catch(() => {});
  forget();
  await signInFirst();
});

// ---- all of it ------------------------------------------------------------------------------------------------------

await showAddress();
show("#page");
await Promise.all([showSessions(), showFactor()]).catch(complain);
