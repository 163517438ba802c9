// Elements made of words. Words are set as text, so that whatever somebody or a model wrote is shown and never run.

export function element(name, words = "", kind = "") {
  return Object.assign(document.createElement(name), { textContent: words, className: kind });
}

export function within(name, kind, ...children) {
  const made = element(name, "", kind);
  made.append(...children);
  return made;
}

export function reveal(place, shown = true) {
  place.hidden = !shown;
}
