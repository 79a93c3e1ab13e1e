#!/usr/bin/env node
// How long somebody will wait, as a sentence to show: HTTP alone, no package. Run it where the supervisor runs, behind your own application.
// usage: node wait.mjs POOL TICKET     WAITS_URL: default http://127.0.0.1:9464
const base = process.env.WAITS_URL ?? "http://127.0.0.1:9464";

// Rounded up, the rougher the longer: nobody's wait is known to the second.
const about = (s, round = Math.ceil) => {
    const step = s < 60 ? 10 : s <= 180 ? 30 : 60, n = Math.max(10, round(s / step) * step);
    return n < 60 ? `${n} seconds` : n % 60 ? `${Math.floor(n / 60)}½ minutes` : n === 60 ? "a minute" : `${n / 60} minutes`;
};

export function sentence({ estimate, confidence }) {
    const { p50_s: half, p90_s: most } = estimate;
    if (confidence !== "ok") return "We cannot say yet how long it will take.";
    if (half >= 1200) return "It may well take more than 20 minutes just now.";
    if (most >= 1200) return `About ${about(half)}, perhaps more than 20 minutes.`;
    if (about(half) === about(most)) return `Most likely under ${about(most)}.`;
    return `About ${about(half)}, most likely under ${about(most)}.`;
}

// What somebody can change, and the reason when it is nobody's doing.
export function advice({ reason, confidence }) {
    if (confidence !== "ok") return "";
    const change = { distance: "Looking twice as far", age: "Widening your age range by five years", genders: "Meeting people of any gender" };
    if (change[reason.name] && reason.saves_s >= 15) return `${change[reason.name]} could save about ${about(reason.saves_s, Math.floor)}.`; // less, rather than more
    if (reason.name === "balance") return "Many people are looking for the same people just now.";
    return reason.name === "quiet" ? "It is quiet just now: few people are joining." : "";
}

// Say something new only when it is news: a quarter and 30 seconds, or another kind of sentence. A rise is said to be one.
export function update(shown, fresh) {
    const before = shown?.estimate.p50_s, now = fresh.estimate.p50_s, moved = Math.abs(now - before);
    if (shown && shown.confidence === fresh.confidence && !(moved > 30 && moved > before / 4)) return null;
    const rose = shown?.confidence === "ok" && fresh.confidence === "ok" && now > before;
    return (rose ? "It is taking longer than we thought. " : "") + sentence(fresh);
}

if (process.argv[2]) {
    const [, , pool, ticket] = process.argv;
    const answer = await fetch(`${base}/v1/wait?${new URLSearchParams({ pool, ticket })}`);
    const body = await answer.json();
    console.log(answer.ok ? [update(null, body), advice(body)].filter(Boolean).join(" ") : body.detail);
    process.exit(answer.ok ? 0 : 1);
}
