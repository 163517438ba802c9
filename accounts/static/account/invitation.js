import { askAsMe, refreshToken } from "./api.js";
import { dropKey, find, keyOfLetter, onSubmit, turnTo } from "./forms.js";

// It waits in this tab while somebody signs in or up.
const key = keyOfLetter() ?? sessionStorage.getItem("invitation");
if (!key) {
  turnTo("lost");
} else {
  sessionStorage.setItem("invitation", key);
  dropKey();
  turnTo(refreshToken() ? "ask" : "stranger");
}

const accepted = () =>
  askAsMe("POST", "../invitations/accept", { key }).catch((problem) => {
    if ([400, 409].includes(problem.status)) sessionStorage.removeItem("invitation");
    throw problem;
  });

onSubmit(find("#ask form"), async () => {
  const { name, role } = await accepted();
  sessionStorage.removeItem("invitation");
  turnTo("done");
  find("#done h1").textContent = `You belong to ${name}`;
  find("#done b").textContent = role;
});
