// Match pools as they are published, and the audit log.
import { h, draw, number, duration, when, table, pill } from "/dom.js";
import * as api from "/api.js";

const hidden = () => h("span", { title: "fewer than 20 people: not shown" }, "<20");

export function match({ main, alive }) {
  return async () => {
    const { data, same } = await api.poll("match");
    if (!alive() || (same && main.childElementCount)) return;
    draw(main, h("h1", {}, "Match pools"), h("p", { class: "lead" }, "Groups and numbers only: nobody is told apart here."),
      data.pools.length ? data.pools.map(pool) : h("p", { class: "empty" }, data.published ? "Nobody has come to a pool yet." : "No supervisor publishes waits: one that runs the kind match does, with [metrics] enabled = yes."));
  };
}

const GENDERS = ["female", "male", "nonbinary", "other", "unknown"];
const known = (n) => typeof n === "number" && n >= 0;
const seconds = (s) => (known(s) ? duration(s * 1000) : "–");
const count = (n) => (n === null ? hidden() : known(n) ? number(n) : "–");
const share = (s) => (known(s) ? Math.round(s * 100) + " %" : "–");
const perMinute = (n) => (known(n) ? number(Math.round(n * 100) / 100) + "/min" : "–");
const HEALTH = { ok: "good", learning: "info", stale: "warn" };

function tile(title, value) {
  return h("div", {}, h("dt", {}, title), h("dd", {}, value));
}

function pool(p) {
  const queue = p.queue ?? {}, rates = p.matchRate ?? {}, people = p.genderDistribution ?? {}, waits = p.estimatedWaitTimes ?? {}, balance = p.balance ?? {}, health = p.health ?? {};
  const stale = p.updatedMs && api.now() - p.updatedMs > 30000;
  const coverage = p.calibration?.coverage90 ?? {};
  const shown = GENDERS.filter((g) => people[g] !== undefined || known(waits[g]));
  return h("article", { class: "card" },
    h("div", { class: "queue-head" }, h("h2", {}, p.pool), pill(stale ? "warn" : HEALTH[health.status] ?? "", stale ? "not published lately" : health.status ?? "unknown")),
    health.message ? h("p", { class: "note" }, health.message) : null,
    h("dl", { class: "numbers wide" }, tile("Waiting", count(queue.total)), tile("Average wait", seconds(queue.averageWaitSeconds)), tile("Longest wait", seconds(queue.maxWaitSeconds)),
      tile("Over a minute", count(queue.usersWaitingOver60s)), tile("Matches a minute", known(rates.matchesPerMinute) ? number(rates.matchesPerMinute) : "–"), tile("Last hour", count(rates.matchesLastHour)),
      balance.scarce ? tile("Scarce", balance.scarce) : null),
    table("Groups of pool " + p.pool, [
      ["Group", (g) => g, "first"], ["Waiting", (g) => count(people[g] === undefined ? -1 : people[g]), "n"], ["Will wait", (g) => seconds(waits[g]), "n"],
      ["Arrive", (g) => perMinute(balance.arrivalsPerMinute?.[g]), "n"], ["Matched", (g) => share(balance.matchedShare?.[g]), "n"], ["90 % estimates that held", (g) => share(coverage[g]), "n"],
    ], shown, "Nobody yet."),
    h("p", { class: "facts" }, h("span", {}, "published by ", h("b", {}, p.publisher ?? "–")), p.updatedMs ? h("span", {}, when(p.updatedMs, api.now())) : null,
      balance.recommendedScarcePerMinute > 0 ? h("span", {}, "for waits of " + seconds(balance.targetWaitSeconds) + ": ", h("b", {}, perMinute(balance.recommendedScarcePerMinute) + " more of the scarce")) : null));
}

export function audit({ main, query, alive }) {
  const names = [["actor", "Actor"], ["action", "Action"], ["queue", "Queue"], ["match", "Text"], ["since", "Since (1h, 7d)"]];
  const filter = Object.fromEntries(names.map(([n]) => [n, query.get(n) ?? ""]).filter(([, v]) => v));
  const inputs = Object.fromEntries(names.map(([n]) => [n, h("input", { value: filter[n] ?? "", id: "a-" + n, autocomplete: "off", spellcheck: "false" })]));
  let list;
  return async () => {
    const { data, same } = await api.poll("audit" + api.query(filter));
    if (!alive() || (same && list)) return;
    if (!list) {
      list = h("div", {});
      draw(main, h("h1", {}, "Audit log"), h("p", { class: "lead" }, "Who changed what, here and on command lines, the latest first."),
        h("form", { class: "card filters", onsubmit: (e) => { e.preventDefault(); location.hash = "#/audit" + api.query(Object.fromEntries(Object.entries(inputs).map(([n, i]) => [n, i.value.trim()]))); } },
          names.map(([n, title]) => h("label", {}, title, inputs[n])), h("div", { class: "actions" }, h("button", { class: "primary", type: "submit" }, "Apply"), h("a", { class: "button", href: "#/audit" }, "Clear"))),
        h("h2", {}, "Entries"), list);
    }
    const shown = new Set(["queue", "entry", "at_ms", "action", "actor", "reason"]);
    draw(list, table("Audit log", [
      ["Action", (x) => x.action, "first"], ["When", (x) => when(x.at_ms, api.now()), "when"], ["Actor", (x) => x.actor, "id"], ["Queue", (x) => (x.queue === "_host" ? "host" : x.queue)], ["Reason", (x) => x.reason, "text"],
      ["Details", (x) => Object.entries(x).filter(([k, v]) => !shown.has(k) && v !== "").map(([k, v]) => k + " " + v).join(", "), "text"],
    ], data.entries, "No entries."));
  };
}
