import { ask, home, keep } from "./api.js";
import { find, onSubmit, turnTo } from "./forms.js";

onSubmit(find("#ask form"), async (told) => {
  keep(await ask("POST", "register", told));
  turnTo("done", told.email);
  find("#done a").href = home();
});
