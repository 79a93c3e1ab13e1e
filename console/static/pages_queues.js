// Overview, one queue, hosts.
import { h, draw, pill, number, rate, duration, when, table, spark, ask, toast, state } from "/dom.js";
import * as api from "/api.js";

const BANDS = ["express", "high", "normal", "low", "large"];
const HISTORY = 60;
const history = new Map(); // queue -> [{at, done, died}]: what this page saw; a fresh page knows nothing yet

function remember(stats) {
  const list = history.get(stats.queue) ?? [];
  list.push({ at: api.now(), done: stats.ledger.done ?? 0, died: stats.ledger.died ?? 0 });
  if (list.length > HISTORY + 1) list.shift();
  history.set(stats.queue, list);
}

function rates(queue, of) {
  const list = history.get(queue) ?? [];
  return list.slice(1).map((point, i) => Math.max(0, (point[of] - list[i][of]) / Math.max(0.2, (point.at - list[i].at) / 1000)));
}

function recent(queue, of) {
  const list = history.get(queue) ?? [];
  if (list.length < 2) return null;
  const [from, to] = [list[Math.max(0, list.length - 6)], list.at(-1)];
  return Math.max(0, (to[of] - from[of]) / Math.max(0.2, (to.at - from.at) / 1000));
}

export function totals(stats) {
  const bands = Object.values(stats.bands);
  return {
    ready: bands.reduce((n, b) => n + b.ready, 0),
    active: bands.reduce((n, b) => n + b.active, 0),
    oldest: Math.max(0, ...bands.filter((b) => b.ready > 0).map((b) => b.oldest_ms)),
  };
}

const link = (queue) => "#/queues/" + encodeURIComponent(queue);

function bandBar(stats) {
  const all = totals(stats).ready;
  const parts = BANDS.filter((b) => (stats.bands[b]?.ready ?? 0) > 0);
  const text = parts.length ? parts.map((b) => b + " " + stats.bands[b].ready).join(", ") : "nothing waits";
  return h("div", { class: "stack", role: "img", "aria-label": "waiting by band: " + text, title: text }, parts.map((b) => {
    const piece = h("i", { class: "b-" + b });
    piece.style.width = (100 * stats.bands[b].ready) / all + "%";
    return piece;
  }));
}

function fact(title, value, bad) {
  return h("div", {}, h("dt", {}, title), h("dd", { class: bad ? "bad" : "" }, value));
}

function queueCard(stats) {
  const t = totals(stats);
  const paused = stats.paused ? pill("warn", "paused") : stats.paused_kinds.length ? pill("warn", stats.paused_kinds.join(", ") + " paused") : null;
  return h("article", { class: "card" },
    h("div", { class: "queue-head" }, h("h2", {}, h("a", { href: link(stats.queue) }, stats.queue)), paused ?? (stats.instances ? pill("good", "running") : pill("bad", "no hosts"))),
    h("dl", { class: "numbers" }, fact("Waiting", number(t.ready)), fact("Running", number(t.active)), fact("Scheduled", number(stats.scheduled + stats.parked)),
      fact("Dead", h("a", { href: "#/dead?queue=" + encodeURIComponent(stats.queue) }, number(stats.dead)), stats.dead > 0)),
    bandBar(stats), spark(rates(stats.queue, "done"), "jobs done a second, the last two minutes"),
    h("p", { class: "facts" }, h("span", {}, "done ", h("b", {}, rate(recent(stats.queue, "done")))), h("span", {}, "dying ", h("b", {}, rate(recent(stats.queue, "died")))),
      h("span", {}, "oldest ", h("b", {}, t.oldest ? duration(t.oldest) : "–")), h("span", {}, "hosts ", h("b", {}, number(stats.instances))),
      h("span", {}, "drift ", h("b", {}, number(stats.drift)))));
}

// Of more queues than this only those are drawn that hold a job, are paused or have a drift.
const MANY = 50;

function isQuiet(q) {
  const t = totals(q);
  return t.ready + t.active + q.scheduled + q.parked + q.dead === 0 && q.drift === 0 && !q.paused && q.paused_kinds.length === 0;
}

// The first of a list, and how many more there are.
function few(list, most, draw) {
  return [list.slice(0, most).map(draw), list.length > most ? " and " + number(list.length - most) + " more" : null];
}

const WHAT = { ledger_drift: "Ledger", no_hosts: "No hosts", paused: "Paused", paused_kind: "Paused", waiting_long: "Waiting", not_ready: "Not ready" };

export function overview({ main, alive }) {
  return async () => {
    const [{ data }, hostsAnswer] = [await api.poll("overview"), await api.poll("hosts")];
    if (!alive()) return;
    data.queues.forEach(remember);
    const sum = (of) => data.queues.reduce((n, q) => n + of(q), 0);
    const dead = sum((q) => q.dead);
    const shown = data.queues.length > MANY ? data.queues.filter((q) => !isQuiet(q)) : data.queues, left = data.queues.length - shown.length;
    draw(main,
      h("div", { class: "head" }, h("div", {}, h("h1", {}, "Overview"), h("p", { class: "lead" }, number(sum((q) => totals(q).ready)) + " waiting, " + number(sum((q) => totals(q).active)) +
        " running in " + data.queues.length + (data.queues.length === 1 ? " queue" : " queues") + ", " + hostsAnswer.data.hosts.length + (hostsAnswer.data.hosts.length === 1 ? " host" : " hosts"))),
      dead > 0 ? h("div", { class: "actions" }, h("a", { class: "button", href: "#/dead?view=problems" }, number(dead) + " dead: see the problems")) : null),
      data.alerts.length === 0 ? h("p", { class: "calm" }, "✓ All is well: every queue is served, nothing is stuck, the ledger adds up.")
        : h("ul", { class: "alerts", "aria-label": "What deserves a look" }, data.alerts.map((a) => h("li", { class: a.level },
          h("b", {}, WHAT[a.what] ?? a.what), h("span", {}, a.queue ? [h("a", { href: link(a.queue) }, a.queue), ": "] : null, a.text)))),
      h("div", { class: "grid" }, shown.map(queueCard)), left > 0 ? h("p", { class: "facts" }, number(left) + " more queues with nothing in them") : null,
      h("h2", {}, "Hosts"), hostTable(hostsAnswer.data.hosts));
  };
}

function hostTable(list) {
  return table("Hosts", [
    ["Host", (x) => x.instance, "first id"],
    ["State", (x) => { const i = x.queues.find((q) => q.info)?.info ?? {}; return x.queues.some((q) => q.alive) ? pill(i.state === "running" ? "good" : "warn", i.state ?? "alive") : pill("bad", "lease ended"); }],
    ["Workers", (x) => { const i = x.queues.find((q) => q.info)?.info ?? {}; return (i.ready ?? "–") + " of " + (i.workers ?? "–") + " ready"; }, "n"],
    ["Queues", (x) => few(x.queues, 12, (q, i) => [i ? ", " : "", h("a", { href: link(q.queue) }, q.queue)]), "id"],
    ["Up", (x) => duration(x.queues.find((q) => q.info)?.info?.uptime_ms), "n"],
    ["Version", (x) => x.queues.find((q) => q.info)?.info?.version ?? "–"],
    ["Build", (x) => x.queues.find((q) => q.info)?.info?.build ?? "–", "text"],
  ], list, "No host is alive. Is a supervisor running? systemctl status stint-supervisor, or stint up.");
}

export function hosts({ main, alive }) {
  return async () => {
    const { data, same } = await api.poll("hosts");
    if (!alive() || (same && main.childElementCount)) return;
    draw(main, h("h1", {}, "Hosts"), h("p", { class: "lead" }, "Supervisors that renew their lease, as they tell of themselves."), hostTable(data.hosts));
  };
}

// -- one queue ----------------------------------------------------------------------------------------------------------

function changePause(name, kinds, pause, again) {
  const kind = h("select", {}, h("option", { value: "" }, "the whole queue"), kinds.map((k) => h("option", { value: k }, "only kind " + k)));
  const reason = h("input", { maxlength: "256", placeholder: "kept in the audit log" });
  ask({
    title: (pause ? "Pause " : "Resume ") + name, verb: pause ? "Pause" : "Resume",
    text: pause ? "Jobs in hand are finished; nothing new is started until somebody resumes." : "What waits is started again at once.",
    fields: [h("label", {}, "What", kind), h("label", {}, "Reason", reason)],
    go: async () => {
      const done = await api.post("queues/" + encodeURIComponent(name) + (pause ? "/pause" : "/resume"), { kind: kind.value, reason: reason.value });
      toast(done.changed ? name + (kind.value ? " (" + kind.value + ")" : "") + (pause ? " is paused" : " is resumed") : "It was so already");
      again();
    },
  });
}

function bandTable(stats) {
  return table("Bands of " + stats.queue, [
    ["Band", (b) => { const dot = h("i", { class: "dot b-" + b.name }); return [h("span", {}, dot, b.name === "large" ? "large (lane)" : b.name)]; }, "first"],
    ["Waiting", (b) => number(b.ready), "n"], ["Running", (b) => number(b.active), "n"], ["Oldest", (b) => (b.ready ? duration(b.oldest_ms) : "–"), "n"],
  ], BANDS.filter((name) => stats.bands[name]).map((name) => ({ name, ...stats.bands[name] })), "");
}

const jobLink = (queueName, id) => h("a", { href: "#/job/" + encodeURIComponent(queueName) + "/" + encodeURIComponent(id) }, id);

function jobTable(name, view, rows) {
  const shared = [["Job", (j) => jobLink(name, j.id), "first id mono"], ["Kind", (j) => j.kind], ["Band", (j) => h("span", {}, h("i", { class: "dot b-" + j.band }), j.band)]];
  const last = {
    ready: [["Waiting since", (j) => when(j.queued_ms, api.now()), "when"]],
    active: [["Running for", (j) => duration(j.running_ms), "n"], ["Worker", (j) => j.consumer, "id"]],
    scheduled: [["State", (j) => state(j.state)], ["Due", (j) => (j.due_ms ? when(j.due_ms, api.now()) : "when its kind is resumed"), "when"], ["Failures", (j) => number(j.errors), "n"]],
  };
  const empty = { ready: "Nothing waits.", active: "Nothing runs.", scheduled: "Nothing is scheduled or waits to be tried again." };
  return table("Jobs", [...shared, ...last[view]], rows, empty[view]);
}

export function queue({ main, params, query, alive, again }) {
  const [name] = params;
  const view = ["ready", "active", "scheduled"].includes(query.get("show")) ? query.get("show") : "ready";
  const band = BANDS.includes(query.get("band")) ? query.get("band") : "";
  const path = "queues/" + encodeURIComponent(name);
  let further = []; // rows of later pages, as they were when asked for
  let next;
  return async () => {
    const stats = (await api.poll(path)).data;
    const page = (await api.poll(path + "/jobs" + api.query({ state: view, band: view === "scheduled" ? "" : band }))).data;
    if (!alive()) return;
    remember(stats);
    const t = totals(stats), kinds = stats.pools.flatMap((p) => p.kinds.split(",").map((k) => k.trim())).filter((k, i, all) => k && all.indexOf(k) === i);
    if (further.length === 0) next = page.next;
    const tab = (which, title, n) => h("a", { href: link(name) + "?show=" + which, "aria-current": view === which ? "page" : undefined }, title + " " + number(n));
    const more = async () => {
      const answer = await api.get(path + "/jobs" + api.query({ state: view, band: view === "scheduled" ? "" : band, after: next }));
      further = further.concat(answer.jobs);
      next = answer.next;
      again();
    };
    const known = new Set(page.jobs.map((j) => j.id));
    draw(main,
      h("div", { class: "head" },
        h("div", {}, h("p", { class: "crumb" }, "Queue"), h("h1", {}, name, " ", stats.paused ? pill("warn", "paused") : null, stats.paused_kinds.map((k) => [" ", pill("warn", k + " paused")]))),
        h("div", { class: "actions" }, api.may("operator") ? [
          h("button", { id: "pause", onclick: () => changePause(name, kinds, true, again) }, "Pause…"),
          stats.paused || stats.paused_kinds.length ? h("button", { id: "resume", class: "primary", onclick: () => changePause(name, stats.paused ? [] : stats.paused_kinds, false, again) }, "Resume…") : null] : null,
        h("a", { class: "button", href: "#/dead?queue=" + encodeURIComponent(name) }, number(stats.dead) + " dead"))),
      h("div", { class: "card" },
        h("dl", { class: "numbers wide" }, fact("Waiting", number(t.ready)), fact("Running", number(t.active)), fact("Scheduled", number(stats.scheduled)), fact("Parked", number(stats.parked)),
          fact("Dead", number(stats.dead), stats.dead > 0), fact("Done", number(stats.ledger.done ?? 0)), fact("Done a second", rate(recent(name, "done"))), fact("Hosts", number(stats.instances), stats.instances === 0),
          fact("Drift", number(stats.drift), stats.drift !== 0)), spark(rates(name, "done"), "jobs done a second, the last two minutes")),
      h("h2", {}, "Bands"), bandTable(stats),
      h("div", { class: "tabs", role: "navigation", "aria-label": "Jobs by state" }, tab("ready", "Waiting", t.ready), tab("active", "Running", t.active), tab("scheduled", "Scheduled", stats.scheduled + stats.parked)),
      jobTable(name, view, page.jobs.concat(further.filter((j) => !known.has(j.id)))),
      next ? h("p", { class: "more" }, h("button", { id: "more", onclick: more }, "Show more")) : null,
      h("h2", {}, "Settings"),
      h("div", { class: "card" }, h("dl", { class: "rows" },
        stats.pools.map((p) => [h("dt", {}, "pool " + p.name), h("dd", {}, p.kinds + ", " + p.workers + (p.workers === 1 ? " worker" : " workers") + (p.lane ? ", lane " + p.lane : "") + " (this host's configuration)")]),
        Object.entries(stats.dead_causes).map(([cause, n]) => [h("dt", {}, "dead: " + cause), h("dd", {}, number(n))]),
        Object.entries(stats.settings).sort().map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]))));
  };
}
