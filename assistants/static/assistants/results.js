// A value shown the way its JSON Schema speaks of it: headings, lists, tables. The schema has the order, too.

import { element, within } from "./elements.js";

const LONGEST_ROW = 170; // Characters that a table's row may have to be read well.

/** The parts of an object, each under its title. */
export function partsOf(value, schema) {
  return entries(value, schema).map(([title, inner, told]) => within("section", "part", element("h3", title), shown(inner, told)));
}

function shown(value, schema) {
  if (isPlain(value)) return element("p", words(value), "text");
  if (!Array.isArray(value)) return pairs(value, schema);
  const items = schema?.items ?? {};
  if (value.length === 0) return element("p", "None.", "soft");
  if (value.every(isPlain)) return within("ul", "points", ...value.map((one) => element("li", words(one))));
  if (!value.every(isFlat)) return within("ul", "cards", ...value.map((one) => within("li", "", shown(one, items))));
  return value.every(isShort) ? table(value, items) : within("ul", "cards", ...value.map((one) => item(one, items)));
}

function table(value, schema) {
  const columns = entries(Object.assign({}, ...value), schema).map(([title, , , name]) => ({ title, name }));
  const head = within("tr", "", ...columns.map(({ title }) => Object.assign(element("th", title), { scope: "col" })));
  const rows = value.map((one) => within("tr", "", ...columns.map(({ title, name }) => cell(title, one[name]))));
  return within("table", "", within("thead", "", head), within("tbody", "", ...rows));
}

/** On a phone each stands under the others, with its title beside it. */
function cell(title, inner) {
  const made = element("td", words(inner));
  made.dataset.title = title;
  return made;
}

function item(value, schema) {
  const [first, ...others] = entries(value, schema);
  return within("li", "", element("h4", words(first[1])), described(others));
}

function pairs(value, schema) {
  return described(entries(value, schema));
}

function described(pairs) {
  const told = pairs.map(([title, inner, schema]) => {
    const what = isPlain(inner) ? element("dd", words(inner)) : within("dd", "", shown(inner, schema));
    return within("div", "", element("dt", title), what);
  });
  return within("dl", "", ...told);
}

/** `[title, value, schema, name]` in the schema's order, which the database does not keep; at the end what it does not know. */
function entries(value, schema) {
  const properties = schema?.properties ?? {};
  const known = Object.keys(properties).filter((name) => name in value);
  const others = Object.keys(value).filter((name) => !(name in properties));
  return [...known, ...others].map((name) => [properties[name]?.title ?? spoken(name), value[name], properties[name], name]);
}

function spoken(name) {
  const said = name.replaceAll("_", " ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

const isPlain = (value) => value === null || typeof value !== "object";
const isFlat = (value) => !isPlain(value) && !Array.isArray(value) && Object.values(value).every(isPlain);
const isShort = (value) => Object.values(value).map(words).join("").length <= LONGEST_ROW;

function words(value) {
  if (value === undefined || value === null || value === "") return "–";
  return typeof value === "boolean" ? (value ? "Yes" : "No") : String(value);
}
