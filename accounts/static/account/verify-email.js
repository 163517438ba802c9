import { ask } from "./api.js";
import { dropKey, find, keyOfLetter, onSubmit, turnTo } from "./forms.js";

const key = keyOfLetter();
if (!key) turnTo("lost");

onSubmit(find("#ask form"), async () => {
  const { email } = await ask("POST", "verify-email", { key });
  dropKey();
  turnTo("done", email);
});
