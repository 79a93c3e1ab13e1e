// Replay runs: begun, watched, held, ended, undone.
import { h, draw, number, when, table, ask, toast, state } from "/dom.js";
import * as api from "/api.js";

// target: {ids} or {filter}; count: how many that is, null when it is not known.
export function replayDialog(target, count) {
  const one = count === 1;
  const canary = h("input", { type: "number", min: "0", max: "100000", value: count === null || count > 20 ? "5" : "0", inputmode: "numeric" });
  const rate = h("input", { value: count === null || count > 100 ? "50/s" : "none", placeholder: "50/s, 300/m, none" });
  const stopAt = h("input", { type: "number", min: "0", max: "100", value: count === null || count > 20 ? "50" : "0", inputmode: "numeric" });
  const reason = h("input", { maxlength: "256", placeholder: "what was mended; kept in the audit log" });
  ask({
    title: one ? "Replay this dead letter" : "Replay " + (count === null ? "all that match" : number(count) + " dead letters"), verb: "Replay",
    text: one ? "It goes back to its queue with its attempts reset. A job that was replayed five times already is left alone." : "They go back to their queues, the oldest first. A canary goes ahead; the rest follows only when it did well.",
    fields: [one ? null : h("div", { class: "pair" }, h("label", {}, "Canary: so many first (0: none)", canary), h("label", {}, "Rate", rate)),
      one ? null : h("label", {}, "Stop when so many percent die again (0: never)", stopAt), h("label", {}, "Reason", reason)],
    go: async () => {
      const body = { ...target, reason: reason.value };
      if (!one) Object.assign(body, { canary: Number(canary.value || 0), rate: rate.value.trim() || "none", stop_at: Number(stopAt.value || 0) });
      const answer = await api.post("replays", body);
      toast(number(answer.selected) + (answer.selected === 1 ? " letter is replayed" : " letters are replayed"));
      location.hash = "#/replays/" + encodeURIComponent(answer.run);
    },
  });
}

const passed = (p) => (p.replayed ?? 0) + (p.guarded ?? 0) + (p.gone ?? 0) + (p.unique ?? 0) + (p.changed_letters ?? 0) + (p.not_json ?? 0);
const ended = (p) => (p.succeeded ?? 0) + (p.failed ?? 0) + (p.dropped ?? 0);

export function replays({ main, alive }) {
  return async () => {
    const { data } = await api.poll("replays");
    if (!alive()) return;
    data.runs.sort((a, b) => (b.created_ms ?? 0) - (a.created_ms ?? 0));
    draw(main, h("h1", {}, "Replays"), h("p", { class: "lead" }, "Runs of the last days, begun here or with “stint dlq replay”."),
      table("Replay runs", [
        ["Run", (p) => h("a", { href: "#/replays/" + encodeURIComponent(p.run) }, p.run), "first id mono"], ["Queue", (p) => p.queue], ["State", (p) => state(p.state)],
        ["Letters", (p) => number(passed(p)) + " of " + number(p.selected), "n"], ["Succeeded", (p) => number(p.succeeded), "n"], ["Died again", (p) => number(p.failed), "n"],
        ["Begun", (p) => when(p.created_ms, api.now()), "when"], ["By", (p) => p.actor, "id"], ["Why", (p) => p.why || p.reason, "text"],
      ], data.runs, "No replay runs. A dead letter's page begins one."));
  };
}

function order(run, what, title, text, again, field) {
  const reason = h("input", { maxlength: "256", placeholder: "kept in the audit log" });
  ask({
    title, text, verb: title, danger: what === "cancel" || what === "undo",
    fields: [field ? h("label", {}, "Rate", field) : null, h("label", {}, "Reason", reason)],
    go: async () => {
      let answer;
      do {
        answer = await api.post("replays/" + encodeURIComponent(run) + "/" + what, { reason: reason.value, ...(field ? { rate: field.value.trim() } : {}) });
      } while (answer.more);
      toast("Done");
      again();
    },
  });
}

function buttons(run, parts, again) {
  const any = (...states) => parts.some((p) => states.includes(p.state));
  const button = (what, title, text, css, field) => h("button", { id: "run-" + what, class: css, onclick: () => order(run, what, title, text, again, field?.()) }, title + "…");
  return h("div", { class: "actions" },
    any("running") ? [button("pause", "Pause", "What was replayed goes its way; the rest waits."), button("rate", "Change the rate", "How fast it goes from now on.", "", () => h("input", { value: "50/s", placeholder: "50/s, 300/m, none" }))] : null,
    any("paused", "stopped", "selecting") ? button("resume", "Resume", "It goes on where it stands; after a stop the failures so far are forgiven.", "primary") : null,
    any("running", "paused", "stopped", "selecting") ? button("cancel", "Cancel", "What was not replayed yet stays dead.", "danger") : null,
    any("done", "cancelled", "paused", "stopped", "undoing") && parts.some((p) => (p.replayed ?? 0) > (p.undone ?? 0)) ? button("undo", "Undo", "Jobs that nobody has started yet become dead letters again, as they were.", "danger") : null);
}

function part(p) {
  const numbers = [["Selected", p.selected], ["Replayed", p.replayed], ["Succeeded", p.succeeded], ["Died again", p.failed], ["Under way", Math.max(0, (p.replayed ?? 0) - ended(p) - (p.undone ?? 0))],
    ["Loop guard", p.guarded], ["Gone", p.gone], ["Changed", p.changed_letters], ["Key held", p.unique], ["Put back", p.undone], ["Too late to undo", p.started]];
  const done = passed(p);
  return h("article", { class: "card" },
    h("div", { class: "queue-head" }, h("h2", {}, "Queue ", h("a", { href: "#/queues/" + encodeURIComponent(p.queue) }, p.queue)), h("span", { class: "pill" }, p.state + (p.state === "running" && p.phase === "canary" ? ": canary" : ""))),
    p.why ? h("p", { class: "message" }, p.why) : null,
    h("progress", { max: Math.max(1, p.selected), value: done, "aria-label": done + " of " + p.selected + " letters" }),
    h("dl", { class: "numbers wide" }, numbers.filter(([title, n], i) => i < 5 || n).map(([title, n]) => h("div", {}, h("dt", {}, title), h("dd", { class: title === "Died again" && n ? "bad" : "" }, number(n ?? 0))))),
    h("p", { class: "facts" }, h("span", {}, "begun ", when(p.created_ms, api.now())), h("span", {}, "by ", h("b", {}, p.actor ?? "–")), p.reason ? h("span", {}, "because ", h("b", {}, p.reason)) : null,
      h("span", {}, "rate ", h("b", {}, p.rate > 0 ? number(p.rate) + "/s" : "no limit")), p.driver ? h("span", {}, "driven by ", h("b", {}, p.driver)) : null),
    p.held?.length ? h("details", { id: "held-" + p.queue }, h("summary", {}, number(p.held.length) + " left alone"), h("pre", {}, p.held.join("\n"))) : null);
}

export function replay({ main, params, alive, again }) {
  const [run] = params;
  return async () => {
    const { data } = await api.poll("replays/" + encodeURIComponent(run));
    if (!alive()) return;
    draw(main, h("div", { class: "head" }, h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/replays" }, "Replays")), h("h1", { class: "mono" }, run), data.parts.length ? state(data.parts[0].state) : null),
      api.may("operator") ? buttons(run, data.parts, again) : null), data.parts.map(part));
  };
}
