// Forms that say what is wrong, where it is wrong.

export const find = (selector, inside = document) => inside.querySelector(selector);

/** Does `act` with the form's values; a Problem is shown in the form. */
export function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = find("button[type=submit]", form);
    clear(form);
    button.disabled = true;
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      show(form, problem);
    } finally {
      button.disabled = false;
    }
  });
}

function clear(form) {
  for (const said of form.querySelectorAll(".error")) said.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function show(form, problem) {
  const named = Object.entries(problem.errors ?? {}).filter(([name]) => form.elements.namedItem(name));
  for (const [name, words] of named) {
    const input = form.elements.namedItem(name);
    input.setAttribute("aria-invalid", "true");
    input.closest("label").append(error([].concat(words).join(" ")));
  }
  if (named.length) return form.elements.namedItem(named[0][0]).focus();
  const others = Object.values(problem.errors ?? {}).flat().join(" ");
  find("button[type=submit]", form).before(error(others || problem.message));
}

function error(words) {
  const said = document.createElement("p");
  said.className = "error";
  said.setAttribute("role", "alert");
  said.textContent = words;
  return said;
}

/** Show one section of the page in place of the others, with the address filled in. */
export function turnTo(id, email = "") {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  for (const place of document.querySelectorAll("[data-email]")) place.textContent = email;
  (find(`#${id} input`) ?? find(`#${id} h1`))?.focus();
}

/** The key that a letter's link brought, or null. */
export function keyOfLetter() {
  return new URLSearchParams(location.hash.slice(1)).get("key");
}

/** A used key leaves the address bar, and with it the history. */
export function dropKey() {
  history.replaceState(null, "", location.pathname);
}
