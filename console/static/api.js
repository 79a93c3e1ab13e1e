// Questions to the server. A change carries the header that only a page of ours knows; an answer that is a problem (RFC 9457) is thrown.

export const session = { name: "", role: "", csrf: "", host: "" };
let clockOffset = 0;
const seen = new Map(); // path -> {tag, data}: a poll whose answer has not changed costs a few bytes
const RANKS = { viewer: 0, operator: 1, admin: 2 };

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const now = () => Date.now() + clockOffset;
export const may = (role) => (RANKS[session.role] ?? -1) >= RANKS[role];

async function request(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch("/api/v1/" + path, {
      method, cache: "no-store", credentials: "same-origin",
      headers: { ...headers, ...(method === "GET" ? {} : { "X-CSRF-Token": session.csrf }), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Problem(0, "The console does not answer. Is stint-console running, and the network up?");
  }
  const at = Number(answer.headers.get("X-Stint-Now"));
  if (at > 0) clockOffset = at - Date.now();
  if (answer.status === 304) return { same: true };
  let data = null;
  try {
    data = await answer.json();
  } catch {
    throw new Problem(answer.status, "The answer is not the console's (status " + answer.status + "): is there a proxy between?");
  }
  if (!answer.ok) throw new Problem(answer.status, data.detail || data.title || "status " + answer.status);
  return { same: false, data, tag: answer.headers.get("ETag") };
}

export async function get(path) {
  return (await request("GET", path)).data;
}

// As get; same: true when nothing changed since the last call.
export async function poll(path) {
  const last = seen.get(path);
  const answer = await request("GET", path, null, last ? { "If-None-Match": last.tag } : {});
  if (answer.same) return { same: true, data: last.data };
  if (seen.size > 32) seen.clear();
  seen.set(path, { tag: answer.tag, data: answer.data });
  return { same: false, data: answer.data };
}

export const post = async (path, body) => (await request("POST", path, body || {})).data;

export async function open(token) {
  Object.assign(session, (await request("POST", "session", { token })).data);
}
export async function resume() {
  Object.assign(session, await get("session"));
}
export async function close() {
  await request("DELETE", "session");
}

export function query(values) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") q.set(name, value);
  const text = q.toString();
  return text ? "?" + text : "";
}
