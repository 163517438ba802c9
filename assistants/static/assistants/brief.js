// A form from a JSON Schema, and what was typed into it as the schema wants it.

import { element, within } from "./elements.js";

const ONE_LINE = 200; // A longer text gets a larger field.

/** The fields; those that may be left out are folded away. */
export function fieldsOf(schema) {
  const named = Object.entries(schema.properties);
  const wanted = named.filter(([name]) => schema.required?.includes(name));
  const others = named.filter(([name]) => !schema.required?.includes(name));
  const made = wanted.map(([name, told]) => field(name, told, true));
  if (others.length) made.push(folded(others.map(([name, told]) => field(name, told, false))));
  return made;
}

/** Opens where something in it is not valid, so that it is seen. */
function folded(fields) {
  const more = within("details", "more", element("summary", "Say more, if you like"), ...fields);
  more.addEventListener("invalid", () => (more.open = true), true);
  return more;
}

/** What the form holds. What was left empty is left out. */
export function briefOf(form, schema) {
  const brief = {};
  for (const [name, told] of Object.entries(schema.properties)) {
    const typed = form.elements.namedItem(name).value.trim();
    if (typed) brief[name] = VALUES[told.type]?.(typed) ?? typed;
  }
  return brief;
}

const VALUES = {
  integer: Number,
  number: Number,
  boolean: (typed) => typed === "true",
  array: linesOf,
};

function linesOf(typed) {
  return typed.split("\n").map((line) => line.trim()).filter(Boolean);
}

function field(name, told, required) {
  const input = Object.assign(control(told), { name, required, id: `field-${name}` });
  const help = Object.assign(element("p", helpOf(told), "help"), { id: `help-${name}` });
  input.setAttribute("aria-describedby", help.id);
  const label = element("label", told.title ?? name);
  label.append(input);
  return within("div", "field", label, help);
}

function helpOf(told) {
  if (told.type !== "array") return told.description ?? "";
  return `${told.description ?? ""} One to a line${told.maxItems ? `, at most ${told.maxItems}` : ""}.`.trim();
}

function control(told) {
  if (told.enum) return choice(["", ...told.enum]);
  if (told.type === "boolean") return choice(["", "true", "false"]);
  if (told.type === "integer" || told.type === "number") {
    const step = told.type === "integer" ? "1" : "any";
    return Object.assign(element("input"), { type: "number", min: told.minimum ?? "", max: told.maximum ?? "", step });
  }
  if (told.type === "array") return list(told.maxItems ?? Infinity);
  const longest = told.maxLength ?? 1000;
  const input = longest > ONE_LINE ? Object.assign(element("textarea"), { rows: longest > 1000 ? 6 : 3 }) : element("input");
  return Object.assign(input, { maxLength: longest });
}

function list(most) {
  const input = Object.assign(element("textarea"), { rows: 3 });
  const wrong = () => (linesOf(input.value).length > most ? `At most ${most} lines.` : "");
  input.addEventListener("input", () => input.setCustomValidity(wrong()));
  return input;
}

function choice(values) {
  const made = element("select");
  made.append(...values.map((value) => Object.assign(element("option", value), { value })));
  return made;
}
