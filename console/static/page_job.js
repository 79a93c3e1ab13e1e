// One job: what it is, what happened to it, what to do.
import { h, draw, number, duration, bytes, when, state, ask, toast } from "/dom.js";
import * as api from "/api.js";
import { replayDialog } from "/pages_replays.js";

const json = (value) => h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
const rows = (list) => h("dl", { class: "rows" }, list.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

function errorCard(error, index) {
  const frames = error.backtrace ?? [];
  return h("article", { class: "card error-card" },
    h("h3", {}, "Failure " + (index + 1) + ": " + (error.code ?? "unknown")),
    h("p", { class: "note" }, [error.cause, error.class].filter(Boolean).join(", "), " · ", when(error.at_ms, api.now())),
    h("p", { class: "message" }, error.message ?? ""),
    rows([["Host", error.host], ["Instance", error.instance], ["Worker", error.consumer], ["Build", error.build], ["Exit status", error.exit], ["Signal", error.signal],
      ["Wall time", error.wall_ms === undefined ? undefined : duration(error.wall_ms)], ["CPU time", error.cpu_ms === undefined ? undefined : duration(error.cpu_ms)],
      ["Peak memory", error.rss_bytes === undefined ? undefined : bytes(error.rss_bytes)]]),
    error.detail ? [h("h2", {}, "Detail"), json(error.detail)] : null,
    frames.length ? h("details", { id: "frames-" + index }, h("summary", {}, "Backtrace, " + frames.length + " frames"), json(frames.map((f, i) => i + "  " + f).join("\n"))) : null);
}

function cancel(job, again) {
  const reason = h("input", { maxlength: "256", placeholder: "kept in the audit log" });
  ask({
    title: "Cancel this job?", verb: "Cancel the job", danger: true,
    text: job.state === "active" ? "It runs: it is asked to stop, and stops where its code looks." : "It will not be started.",
    fields: [h("p", { class: "mono" }, job.id), h("label", {}, "Reason", reason)],
    go: async () => {
      const done = await api.post("queues/" + encodeURIComponent(job.queue) + "/jobs/" + encodeURIComponent(job.id) + "/cancel", reason.value ? { reason: reason.value } : {});
      toast(done.state === "cancelled" ? "Cancelled" : done.state === "cancelling" ? "It was asked to stop" : "It is " + done.state + " already");
      again();
    },
  });
}

export function job({ main, params, alive, again }) {
  const path = params.length === 2 ? "queues/" + encodeURIComponent(params[0]) + "/jobs/" + encodeURIComponent(params[1]) : "jobs/" + encodeURIComponent(params[0]);
  return async () => {
    const { data: j } = await api.poll(path);
    if (!alive()) return;
    const errors = j.errors ?? [], operator = api.may("operator");
    const counters = ["epoch", "attempts", "crashes", "handbacks", "replays", "edits"].filter((k) => j[k]).map((k) => k + " " + j[k]).join(", ");
    draw(main,
      h("div", { class: "head" },
        h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/queues/" + encodeURIComponent(j.queue) }, j.queue), " · ", j.kind), h("h1", { class: "mono" }, j.id), state(j.parked ? "parked" : j.state)),
        h("div", { class: "actions" },
          operator && ["ready", "active", "scheduled"].includes(j.state) ? h("button", { id: "cancel", class: "danger", onclick: () => cancel(j, again) }, "Cancel…") : null,
          operator && j.state === "dead" ? h("button", { id: "replay", class: "primary", onclick: () => replayDialog({ ids: [j.id], filter: { queue: j.queue } }, 1) }, "Replay…") : null)),
      j.next_step ? h("p", { class: "step" }, h("b", {}, "Next step"), j.next_step) : null,
      h("div", { class: "card" }, rows([
        ["Queue", h("a", { href: "#/queues/" + encodeURIComponent(j.queue) }, j.queue)], ["Kind", j.kind], ["Band", j.home ? j.home + " (now in the lane for large jobs)" : j.band],
        ["Created", when(j.created_ms, api.now())], ["Due", j.due_ms && j.state === "scheduled" ? when(j.due_ms, api.now()) : undefined], ["Worker", j.consumer],
        ["Progress", j.progress ? (j.progress.percent ?? 0) + " % " + (j.progress.message ?? "") : undefined], ["Finished", j.finished_ms ? when(j.finished_ms, api.now()) : undefined],
        ["Died", j.died_ms ? when(j.died_ms, api.now()) : undefined], ["Cause", j.cause], ["Fingerprint", j.fingerprint ? h("a", { href: "#/dead?fingerprint=" + encodeURIComponent(j.fingerprint) }, j.fingerprint) : undefined],
        ["Counters", counters], ["Reason", j.reason], ["Asked to stop", j.cancel ? (j.cancel.actor ?? "") + ": " + (j.cancel.reason ?? "") : undefined],
        ["Replay", j.run ? h("a", { href: "#/replays/" + encodeURIComponent(j.run) }, j.run) : undefined]])),
      errors.length ? [h("h2", {}, (j.errors_total ?? errors.length) === 1 ? "What went wrong" : number(j.errors_total ?? errors.length) + " failures, the latest first"),
        errors.map((e, i) => [e, i]).reverse().map(([e, i]) => errorCard(e, i))] : null,
      j.payload !== undefined ? [h("h2", {}, "Payload"), json(j.payload)] : null,
      j.payload_before !== undefined ? [h("h2", {}, "Payload before it was edited"), json(j.payload_before)] : null,
      j.result !== undefined && j.result !== null ? [h("h2", {}, "Result"), json(j.result)] : null,
      Object.keys(j.options ?? {}).length ? [h("h2", {}, "Options"), json(j.options)] : null);
  };
}
