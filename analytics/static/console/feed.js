"use strict";

// The feed as it happens. What events say is put in as text and never as markup.
{
  const MOST_LINES = 200;
  const PING_MS = 25_000;
  const PATIENCE_MS = 10_000;
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 30_000;
  const ASKING_MS = 3_000;
  const SPOKEN_EVERY_MS = 10_000;
  const NO_LONGER_MAY = 4401;

  const feed = document.getElementById("feed");
  const lines = document.getElementById("feed-lines");
  const state = document.getElementById("feed-state");
  const empty = document.getElementById("feed-empty");
  const news = document.getElementById("feed-news");
  const money = JSON.parse(document.getElementById("feed-money").textContent);

  let seen = null; // The id of the last event: the cursor.
  let failures = 0;
  let asking = null; // The interval in which rows are asked for, while no socket comes through.

  // ---- words

  const number = (amount) => Number(amount || 0).toLocaleString("en-US");

  const written = (amount, currency) => {
    const name = String(currency || "").toUpperCase();
    const places = money.decimals[name] ?? 2;
    const sum = Math.abs(Number(amount) / 10 ** places);
    const digits = sum.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
    return `${amount < 0 ? "-" : ""}${money.signs[name] ?? `${name} `}${digits}`;
  };

  const usd = (micro) => (micro > 0 && micro < 10_000 ? `$${(micro / 1e6).toFixed(4)}` : written(micro / 1e4, "USD"));
  const listed = (words) => (Array.isArray(words) ? words.join(", ") : "");
  const many = (count, one, more) => `${number(count)} ${Number(count) === 1 ? one : more}`;
  const ended = (what, data) => (data.state === "completed" ? `${what} made` : `${what}: ${data.state}`);

  // Of each kind: what happened, and how much.
  const WORDS = {
    user_signup: () => ["signed up"],
    admin_login: () => ["came into the console"],
    chat_completed: (data) => [
      many(data.chats, "chat", "chats") + (data.failed ? `, ${number(data.failed)} failed` : ""),
      `${number(data.tokens)} tokens, ${usd(data.cost)}`,
    ],
    quota_exceeded: (data) => [`refused ${many(data.refused, "time", "times")}: ${listed(data.meters)} used up`],
    allowance_reached: (data) => [`${data.percent} % of ${data.meter}, ${data.window}`, number(data.used)],
    strategy_generated: (data) => [ended("strategy", data)],
    strategy_deleted: () => ["strategy deleted"],
    operation_executed: (data) => [ended("operation", data)],
    payment_received: (data) => [data.pack ? `bought ${data.pack}` : "paid", written(data.amount, data.currency)],
    subscription_changed: (data) => [`plan ${data.plan}: ${data.status ?? "taken away"}`],
    provider_failing: (data) => [`provider left alone: ${listed(data.providers)}`],
    alert_raised: (data) => [`alert: ${data.name}`, number(data.value)],
  };

  const moment = (at) => {
    const isToday = at.toDateString() === new Date().toDateString();
    const day = isToday ? "" : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, `;
    return day + at.toLocaleTimeString("en-GB");
  };

  const worded = (event) => {
    const words = WORDS[event.kind];
    return words ? words(event.data ?? {}) : [String(event.kind).replaceAll("_", " ")];
  };

  // ---- lines

  const put = (parent, name, className, text) => {
    const element = document.createElement(name);
    element.className = className;
    element.textContent = text;
    parent.append(element);
    return element;
  };

  const who = (line, event) => {
    const name = event.workspace ?? event.user;
    if (!name) return;
    const address = feed.dataset.workspace;
    const isId = /^[0-9a-f-]{36}$/.test(event.workspace_id ?? "");
    const element = put(line, address && isId ? "a" : "span", "who", name);
    if (address && isId) element.href = address.replace(/0{8}-0{4}-0{4}-0{4}-0{12}/, event.workspace_id);
  };

  const show = (event) => {
    if (seen !== null && event.id <= seen) return;
    seen = event.id;
    const [what, amount] = worded(event);
    const line = document.createElement("li");
    line.dataset.event = event.id;
    line.dataset.kind = event.kind;
    const time = put(line, "time", "when", moment(new Date(event.created_at)));
    time.dateTime = event.created_at;
    who(line, event);
    put(line, "span", "what", what);
    if (amount) put(line, "span", "amount", amount);
    lines.prepend(line);
    while (lines.childElementCount > MOST_LINES) lines.lastElementChild.remove();
    empty.hidden = true;
    speak();
  };

  // Screen readers hear of many events together, and of none that were there before.
  let unspoken = 0;
  let isFresh = false;
  const speak = () => {
    unspoken += isFresh ? 1 : 0;
  };
  setInterval(() => {
    if (!unspoken) return;
    news.textContent = `${many(unspoken, "new event", "new events")}. Last: ${lines.firstElementChild.innerText.replaceAll("\n", " ")}`;
    unspoken = 0;
  }, SPOKEN_EVERY_MS);

  const say = (word, text) => {
    state.dataset.state = word;
    if (state.textContent !== text) state.textContent = text;
  };

  // ---- the socket

  const connect = () => {
    const address = new URL(feed.dataset.socket, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (seen !== null) address.searchParams.set("after", seen);
    const socket = new WebSocket(address);
    let pinging = null;
    let patience = setTimeout(() => socket.close(), PATIENCE_MS);

    const heard = () => {
      clearTimeout(patience);
      patience = null;
    };
    const ping = () => {
      socket.send("ping");
      patience ??= setTimeout(() => over(), PATIENCE_MS);
    };
    // Once, whether the browser notices or our patience ends; a dead network takes minutes to close a socket.
    const over = (why) => {
      heard();
      clearInterval(pinging);
      socket.onclose = socket.onmessage = null;
      socket.close();
      if (why?.code === NO_LONGER_MAY) return signedOut();
      failures += 1;
      again();
    };

    socket.onopen = () => {
      heard();
      stopAsking();
      failures = 0;
      say("live", "live");
      pinging = setInterval(ping, PING_MS);
      setTimeout(() => { isFresh = true; }, 1_000);
    };
    socket.onmessage = (message) => {
      heard();
      if (message.data === "pong") return;
      const told = JSON.parse(message.data);
      if (told.type === "event") show(told);
    };
    socket.onclose = over;
  };

  const again = () => {
    say(asking ? "asking" : "reconnecting", asking ? "asked every few seconds" : "reconnecting…");
    if (failures > 1) startAsking();
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
    setTimeout(connect, wait * (0.75 + Math.random() / 2));
  };

  const signedOut = () => {
    stopAsking();
    say("ended", "signed out: load the page again");
  };

  // ---- where sockets do not come through: the rows, by their pages

  const startAsking = () => {
    asking ??= setInterval(() => ask().catch(() => say("reconnecting", "reconnecting…")), ASKING_MS);
  };

  const stopAsking = () => {
    clearInterval(asking);
    asking = null;
  };

  const ask = async () => {
    const found = [];
    let page = seen === null ? feed.dataset.rows : `${feed.dataset.rows}?after=${seen}`;
    while (page) {
      const answer = await fetch(page, { headers: { accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) return signedOut();
      if (!answer.ok) throw new Error(answer.status);
      const told = await answer.json();
      found.push(...told.results);
      page = seen === null || found.length >= MOST_LINES ? null : told.next;
    }
    say("asking", "asked every few seconds");
    found.reverse().forEach(show);
  };

  connect();
}
