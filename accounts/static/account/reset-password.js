import { ask, forget } from "./api.js";
import { dropKey, find, keyOfLetter, onSubmit, turnTo } from "./forms.js";

const key = keyOfLetter();
if (!key) turnTo("lost");

onSubmit(find("#ask form"), async ({ password }) => {
  await ask("POST", "password-reset/confirm", { key, password });
  dropKey();
  forget();
  turnTo("done");
});
