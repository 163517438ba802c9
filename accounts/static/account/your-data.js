import { askAsMe, forget } from "./api.js";
import { find, onSubmit } from "./forms.js";

const WORDS = { queued: "Being made", ready: "Ready", failed: "Could not be made", expired: "Gone" };

const show = (selector, shown = true) => (find(selector).hidden = !shown);

/** null before anything was asked for. */
const latest = () =>
  askAsMe("GET", "me/export").catch((problem) => (problem.status === 404 ? null : Promise.reject(problem)));

async function showExport() {
  const made = await latest();
  const mark = find("[data-state]");
  mark.textContent = made ? WORDS[made.state] : "None yet";
  mark.className = `mark ${made?.download ? "good" : ""}`;
  find("[data-about]").textContent = made ? `Asked for on ${new Date(made.created_at).toLocaleString()}.` : "";
  show("#download", Boolean(made?.download));
  show("#ask", made?.state !== "queued");
  if (made?.state === "queued") setTimeout(showExport, 2000);
}

onSubmit(find("#ask"), async () => {
  await askAsMe("POST", "me/export");
  await showExport();
});

onSubmit(find("#download"), async () => {
  const { download } = await latest(); // A link is good for minutes, so each download has one of its own.
  location.assign(download);
});

onSubmit(find("#erase form"), async ({ password }) => {
  await askAsMe("DELETE", "me", password ? { password } : {});
  forget();
  show("#page", false);
  show("#gone");
  find("#gone h1").focus();
});

await showExport();
show("#page");
