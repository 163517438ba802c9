// Our API, as any front end would ask it. The tokens live as long as the tab.

const HOME = "/api/v1/auth/";

export class Problem extends Error {
  constructor(status, body, waits) {
    super(waits ? `${body.detail} It will work again in ${inWords(Number(waits))}.` : body.detail);
    this.status = status;
    this.code = body.code;
    this.errors = body.errors ?? {};
    this.body = body;
  }
}

function inWords(seconds) {
  return seconds < 100 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

export function keep({ access, refresh }) {
  sessionStorage.setItem("access", access);
  sessionStorage.setItem("refresh", refresh);
}

export function forget() {
  sessionStorage.removeItem("access");
  sessionStorage.removeItem("refresh");
}

/** Where to go once signed in: to the invitation that waits, if one does, or where somebody wanted to go. */
export function home() {
  const wanted = sessionStorage.getItem("wanted") ?? "/account/security";
  return sessionStorage.getItem("invitation") ? "/account/invitation" : wanted;
}

export function refreshToken() {
  return sessionStorage.getItem("refresh");
}

/** The answer's JSON, or null where it has none. `path` is one of auth's, or a whole one. Throws a Problem. */
export async function ask(method, path, body, headers = {}) {
  const text = await (await answered(method, path, body, headers)).text();
  return text ? JSON.parse(text) : null;
}

async function answered(method, path, body, headers, signal) {
  const answer = await fetch(path.startsWith("/") ? path : HOME + path, {
    method,
    headers: { ...(body ? { "content-type": "application/json" } : {}), accept: "application/json", ...headers },
    body: body ? JSON.stringify(body) : undefined,
    credentials: "omit",
    cache: "no-store",
    signal,
  }).catch(() => {
    throw new Problem(0, { code: "offline", detail: "The server cannot be reached." });
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  const wrong = (answer.headers.get("content-type") ?? "").includes("json")
    ? JSON.parse(text)
    : { code: "server_error", detail: "Something went wrong here. Try again." };
  throw new Problem(answer.status, wrong, answer.headers.get("retry-after"));
}

/** The same for who is signed in. An access token that is too old is renewed; without a session it goes to sign-in. */
export async function askAsMe(method, path, body, headers) {
  const text = await (await answerToMe(method, path, body, headers)).text();
  return text ? JSON.parse(text) : null;
}

/** The answer itself, for a file or a stream. Throws a Problem. */
export async function answerToMe(method, path, body, headers = {}, signal = undefined) {
  const bearing = () =>
    answered(method, path, body, { ...headers, authorization: `Bearer ${sessionStorage.getItem("access")}` }, signal);
  if (!refreshToken()) return signInFirst();
  try {
    return await bearing();
  } catch (problem) {
    if (problem.code !== "invalid_credentials") throw problem;
  }
  await renewed();
  return bearing();
}

let renewing = null;

function renewed() {
  renewing ??= ask("POST", "refresh", { refresh: refreshToken() })
    .then(keep)
    .catch((problem) => (problem.status === 401 ? signInFirst() : Promise.reject(problem)))
    .finally(() => (renewing = null));
  return renewing;
}

export function signInFirst() {
  forget();
  sessionStorage.setItem("wanted", location.pathname);
  location.replace("/account/sign-in");
  return new Promise(() => {}); // The page is left.
}
