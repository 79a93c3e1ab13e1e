// Dead letters: found, grouped into problems, replayed, archived, purged.
import { h, draw, number, when, table, ask, toast, pill } from "/dom.js";
import * as api from "/api.js";
import { replayDialog } from "/pages_replays.js";

const FIELDS = [["queue", "Queue"], ["kind", "Kind"], ["cause", "Cause"], ["code", "Code"], ["fingerprint", "Fingerprint"], ["match", "Text in id or message"], ["since", "Since (1h, 7d)"], ["until", "Until (30m)"]];
const OUT_MAX = 2000;

function outDialog(word, target, count, done) {
  const n = Math.min(count, OUT_MAX), wanted = word + " " + n;
  const typed = h("input", { autocomplete: "off", spellcheck: "false", required: true });
  const reason = h("input", { maxlength: "256", placeholder: "kept in the audit log" });
  ask({
    title: (word === "purge" ? "Purge " : "Archive ") + number(n) + (n === 1 ? " dead letter" : " dead letters"), verb: word === "purge" ? "Purge" : "Archive", danger: true,
    text: "They leave Redis for the archive in PostgreSQL" + (word === "purge" ? ", and are counted as purged" : "") + ". “stint dlq list --archived” finds them there." +
      (count > n ? " The oldest " + number(n) + " of " + number(count) + "; say it again for the rest." : ""),
    fields: [h("label", {}, "Type “" + wanted + "” to say that it is meant", typed), h("label", {}, "Reason", reason)],
    go: async () => {
      const answer = await api.post("dead/" + word, { ...target, expect: n, confirm: typed.value.trim(), ...(reason.value ? { reason: reason.value } : {}) });
      toast(number(answer.removed) + (word === "purge" ? " purged" : " archived") + (answer.changed ? "; " + answer.changed + " had changed meanwhile and were left alone" : ""));
      done();
    },
  });
}

function problem(g, operator, filter) {
  const own = { ...filter, fingerprint: g.fingerprint };
  return h("article", { class: "card problem" },
    h("div", { class: "queue-head" }, h("h3", {}, g.code || "unknown", " ", h("span", { class: "note" }, "(" + g.cause + ") of kind " + g.kind)), pill("bad", number(g.count) + (g.count === 1 ? " letter" : " letters"))),
    h("p", { class: "message" }, g.message),
    h("p", { class: "facts" }, h("span", {}, "first ", when(g.first_ms, api.now())), h("span", {}, "last ", when(g.last_ms, api.now())), h("span", {}, "queue ", g.queues.map((q) => q.name).join(", ")),
      g.hosts.length ? h("span", {}, "hosts ", g.hosts.map((x) => x.name).join(", ")) : null, g.since_build ? h("span", {}, "since build ", g.since_build) : null),
    h("p", { class: "step" }, h("b", {}, "Next step"), g.next_step),
    h("div", { class: "actions" },
      operator ? h("button", { class: "primary", id: "replay-" + g.fingerprint, onclick: () => replayDialog({ filter: own }, g.count) }, "Replay " + number(g.count) + "…") : null,
      h("a", { class: "button", href: "#/dead" + api.query(own) }, "See them"),
      h("a", { class: "button", href: "#/job/" + encodeURIComponent(g.queue) + "/" + encodeURIComponent(g.example) }, "An example")));
}

export function dead({ main, query, alive, again }) {
  const filter = Object.fromEntries(FIELDS.map(([name]) => [name, query.get(name) ?? ""]).filter(([, value]) => value !== ""));
  const problems = query.get("view") === "problems", operator = api.may("operator"), admin = api.may("admin");
  const chosen = new Map();
  let further = [], next, form, list;
  const here = (view, values) => "#/dead" + api.query({ ...values, view });
  const inputs = Object.fromEntries(FIELDS.map(([name]) => [name, h("input", { value: filter[name] ?? "", id: "f-" + name, autocomplete: "off", spellcheck: "false" })]));
  const apply = (event) => {
    event.preventDefault();
    location.hash = here(problems ? "problems" : "", Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()])));
  };

  function buildFrame() {
    form = h("div", {},
      h("div", { class: "head" }, h("div", {}, h("h1", {}, "Dead letters"), h("p", { class: "lead" }, "Jobs that failed for good, kept whole until somebody decides."))),
      h("details", { class: "card", open: Object.keys(filter).length > 0 || window.innerWidth > 720, id: "filters" }, h("summary", {}, "Filter" + (Object.keys(filter).length ? " (" + Object.keys(filter).length + ")" : "")),
        h("form", { class: "filters", onsubmit: apply }, FIELDS.map(([name, title]) => h("label", {}, title, inputs[name])),
          h("div", { class: "actions" }, h("button", { class: "primary", type: "submit" }, "Apply"), h("a", { class: "button", href: here(problems ? "problems" : "", {}) }, "Clear")))),
      h("div", { class: "tabs", role: "navigation", "aria-label": "Views" }, h("a", { href: here("", filter), "aria-current": problems ? undefined : "page" }, "Letters"),
        h("a", { href: here("problems", filter), "aria-current": problems ? "page" : undefined }, "Problems")));
    list = h("div", {});
    draw(main, form, list);
  }

  async function showProblems() {
    const { data, same } = await api.poll("dead/triage" + api.query(filter));
    if (!alive()) return;
    if (!list) buildFrame();
    if (same && list.childElementCount) return;
    draw(list, h("p", { class: "note" }, number(data.problems) + (data.problems === 1 ? " problem, " : " problems, ") + number(data.letters) + (data.letters === 1 ? " dead letter" : " dead letters") + (data.cut ? " (the oldest; narrow the filter for others)" : "")),
      data.groups.length ? data.groups.map((g) => problem(g, operator, filter)) : h("p", { class: "empty" }, "No dead letters" + (Object.keys(filter).length ? " match." : ". Good.")));
  }

  function selection(total) {
    const ids = [...chosen.keys()], target = ids.length ? { ids, filter: filter.queue ? { queue: filter.queue } : {} } : { filter }, n = ids.length || total;
    const narrow = ids.length > 0 || Object.keys(filter).length > 0; // nobody throws everything away by one click
    const whole = Object.keys(filter).length ? "all that match" : "all";
    const done = () => { chosen.clear(); further = []; again(); };
    return operator && n ? h("div", { class: ids.length ? "selection some" : "selection", role: "group", "aria-label": "What to do with them" },
      h("span", {}, ids.length ? number(ids.length) + " chosen" : narrow ? "None chosen: " + whole : "Choose letters, or filter them"),
      ids.length ? h("button", { class: "plain", onclick: () => { chosen.clear(); again(); } }, "Choose none") : null,
      h("button", { id: "do-replay", class: "primary", onclick: () => replayDialog(target, ids.length || null) }, ids.length ? "Replay…" : "Replay " + whole + "…"),
      narrow ? h("button", { id: "do-archive", onclick: () => outDialog("archive", target, n, done) }, "Archive…") : null,
      admin && narrow ? h("button", { id: "do-purge", class: "danger", onclick: () => outDialog("purge", target, n, done) }, "Purge…") : null) : null;
  }

  async function showLetters() {
    const { data } = await api.poll("dead" + api.query(filter));
    if (!alive()) return;
    if (!list) buildFrame();
    if (further.length === 0) next = data.next;
    const known = new Set(data.letters.map((l) => l.queue + " " + l.id));
    const letters = data.letters.concat(further.filter((l) => !known.has(l.queue + " " + l.id)));
    const pick = (l) => h("input", { type: "checkbox", id: "pick-" + l.queue + "-" + l.id, "aria-label": "Choose " + l.id, checked: chosen.has(l.id),
      onchange: (e) => { if (e.target.checked) chosen.set(l.id, l); else chosen.delete(l.id); again(); } });
    const more = async () => {
      const answer = await api.get("dead" + api.query({ ...filter, after: next }));
      further = further.concat(answer.letters);
      next = answer.next;
      again();
    };
    draw(list,
      table("Dead letters", [
        ...(operator ? [["", pick, "pick"]] : []),
        ["Job", (l) => h("a", { href: "#/job/" + encodeURIComponent(l.queue) + "/" + encodeURIComponent(l.id) }, l.id), "first id mono"],
        ["Queue", (l) => l.queue], ["Kind", (l) => l.kind],
        ["Code", (l) => h("a", { href: here("", { ...filter, fingerprint: l.fingerprint }), title: "all with fingerprint " + l.fingerprint }, l.code || l.cause)],
        ["Died", (l) => when(l.died_ms, api.now()), "when"], ["Failures", (l) => number(l.errors), "n"], ["Replays", (l) => number(l.replays), "n"], ["Message", (l) => l.message, "text"],
      ], letters, Object.keys(filter).length ? "No dead letters match." : "No dead letters. Good."),
      next ? h("p", { class: "more" }, h("button", { id: "more", onclick: more }, data.cut ? "Look further back" : "Show more")) : null,
      selection(letters.length && !next ? letters.length : Math.min(data.total, 1e6)));
  }
  return problems ? showProblems : showLetters;
}
