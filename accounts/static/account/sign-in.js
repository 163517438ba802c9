import { ask, home, keep } from "./api.js";
import { find, onSubmit, turnTo } from "./forms.js";

let waiting = null; // The log-in that waits for its second factor.

function enter(tokens) {
  keep(tokens);
  location.assign(home());
}

onSubmit(find("#password form"), async (told) => {
  try {
    enter(await ask("POST", "login", told));
  } catch (problem) {
    if (problem.code !== "second_factor_required") throw problem;
    waiting = problem.body.session_token;
    turnTo("factor");
  }
});

onSubmit(find("#factor form"), async ({ code }) => {
  enter(await ask("POST", "2fa", { code: code.replaceAll(" ", "") }, { "x-session-token": waiting }));
});
