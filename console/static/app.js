// The frame: who is logged in, which page is open, when it looks again.
import { h, draw, toast } from "/dom.js";
import * as api from "/api.js";
import { overview, queue, hosts } from "/pages_queues.js";
import { job } from "/page_job.js";
import { dead } from "/page_dead.js";
import { replays, replay } from "/pages_replays.js";
import { match, audit } from "/pages_records.js";

const EVERY_MS = 2000;
const PAGES = [
  // path, title, page, in the menu
  ["overview", "Overview", overview, true],
  ["queues/:", "Queue", queue],
  ["job/:/:", "Job", job],
  ["job/:", "Job", job],
  ["dead", "Dead letters", dead, true],
  ["replays", "Replays", replays, true],
  ["replays/:", "Replay", replay],
  ["match", "Match pools", match, true],
  ["hosts", "Hosts", hosts, true],
  ["audit", "Audit log", audit, true],
];

const main = document.getElementById("main");
const top = document.getElementById("top");
let open = null; // {refresh, ticket}
let ticket = 0;
let timer = 0;

function find() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  if (parts.length === 0) parts.push("overview");
  for (const [form, title, page, menu] of PAGES) {
    const pieces = form.split("/");
    if (pieces.length === parts.length && pieces.every((piece, i) => piece === ":" || piece === parts[i]))
      return { title, page, params: parts.filter((_, i) => pieces[i] === ":"), query: new URLSearchParams(search), section: parts[0], menu };
  }
  return null;
}

function frame(section) {
  const input = h("input", { type: "search", placeholder: "Job id", "aria-label": "Find a job by its id", autocomplete: "off", spellcheck: "false", id: "find" });
  const away = h("div", { class: "away", id: "away", role: "alert", hidden: true });
  top.hidden = false;
  draw(top, h("div", { class: "bar" },
    h("a", { class: "brand", href: "#/overview" }, h("img", { src: "/icon.svg", alt: "" }), "stint"),
    h("nav", { "aria-label": "Pages" }, h("ul", {}, PAGES.filter((p) => p[3]).map(([path, title]) =>
      h("li", {}, h("a", { href: "#/" + path, "aria-current": path === section ? "page" : undefined }, title))))),
    h("div", { class: "who" },
      h("form", { class: "find", role: "search", onsubmit: (e) => { e.preventDefault(); if (input.value.trim()) location.hash = "#/job/" + encodeURIComponent(input.value.trim()); } }, input),
      h("span", { class: "name", title: "role: " + api.session.role }, api.session.name + " · " + api.session.role),
      h("button", { onclick: leave, id: "leave" }, "Log out"))), away);
}

async function leave() {
  try { await api.close(); } catch { /* it has ended already */ }
  login();
}

function login(message) {
  open = null;
  clearTimeout(timer);
  top.hidden = true;
  document.title = "Log in – stint console";
  const token = h("input", { type: "password", name: "token", id: "token", autocomplete: "current-password", required: true, spellcheck: "false" });
  const wrong = h("p", { class: "wrong", role: "alert" }, message || "");
  draw(main, h("div", { class: "login" }, h("div", { class: "card" },
    h("img", { src: "/icon.svg", alt: "" }), h("h1", {}, "stint console"),
    h("p", { class: "note" }, "Paste your token. ", h("code", {}, "stint console token add NAME"), " makes one."),
    h("form", { onsubmit: async (event) => {
      event.preventDefault();
      wrong.textContent = "";
      try {
        await api.open(token.value.trim());
        show();
      } catch (error) {
        wrong.textContent = error.message;
        token.select();
      }
    } }, h("label", { for: "token" }, "Token", token), wrong, h("button", { class: "primary", type: "submit" }, "Log in")))));
  token.focus();
}

function said(text) {
  const away = document.getElementById("away");
  if (!away) return;
  away.textContent = text;
  away.hidden = text === "";
}

async function look() {
  clearTimeout(timer);
  const mine = open;
  if (!mine) return;
  if (!document.hidden) {
    try {
      await mine.refresh();
      if (mine !== open) return;
      said("");
    } catch (error) {
      if (mine !== open) return;
      if (error.status === 401) return login("Your session has ended. Log in again.");
      if (mine.drawn || error.status === 0 || error.status >= 500) said(error.message);
      if (!mine.drawn) draw(main, h("div", { class: "head" }, h("h1", {}, error.status === 404 ? "Not found" : "That did not work")), h("p", { class: "empty" }, error.message));
    }
  }
  mine.drawn = true;
  if (mine === open) timer = setTimeout(look, EVERY_MS);
}

function show() {
  const found = find();
  frame(found?.section);
  main.replaceChildren();
  ticket++;
  if (!found) {
    open = null;
    document.title = "Not found – stint console";
    draw(main, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/overview" }, "To the overview")));
    return;
  }
  document.title = (found.params.at(-1) ?? found.title) + " – stint console";
  const mine = ticket;
  open = { refresh: found.page({ main, params: found.params, query: found.query, alive: () => mine === ticket, again: look }) };
  look();
}

window.addEventListener("hashchange", () => {
  if (top.hidden) return;
  show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "")) {
    event.preventDefault();
    document.getElementById("find")?.focus();
  }
});
window.addEventListener("unhandledrejection", (event) => {
  toast(event.reason?.message ?? "something went wrong", true);
  if (event.reason?.status === 401) login("Your session has ended. Log in again.");
});

try {
  await api.resume();
  show();
} catch (error) {
  login(error.status === 401 ? "" : error.message);
}
