import { ask } from "./api.js";
import { find, onSubmit, turnTo } from "./forms.js";

onSubmit(find("#ask form"), async (told) => {
  await ask("POST", "password-reset", told);
  turnTo("done", told.email);
});
