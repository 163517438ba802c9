// Who works on it, and how far each has come.

import { element, within } from "./elements.js";

export function rolesOf(crew) {
  return crew.roles.map(({ name, does }) => within("li", "", within("div", "", element("b", name), element("small", does)), element("span", "", "mark")));
}

const KINDS = { waiting: "", working: "", done: "good", stopped: "bad" };

/** `state` is waiting, working, done or stopped. */
export function markRole(item, state, words) {
  const mark = item.querySelector(".mark");
  item.dataset.state = state;
  mark.textContent = words;
  mark.className = `mark ${KINDS[state]}`;
}
