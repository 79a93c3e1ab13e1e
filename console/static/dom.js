// Elements out of data. Text is always text: nothing here, and nowhere else, turns a string into markup.

export function h(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "class") e.className = value;
    else if (name === "value") e.value = value;
    else if (name === "checked") e.checked = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  add(e, children);
  return e;
}

function add(e, children) {
  for (const child of children.flat(9)) {
    if (child === undefined || child === null || child === false) continue;
    e.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// What has an id keeps the focus when it is drawn anew; open <details> stay open.
export function draw(place, ...children) {
  const focus = document.activeElement && place.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...place.querySelectorAll("details[open][id]")].map((d) => d.id);
  place.replaceChildren();
  add(place, children);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

export function pill(kind, text) {
  return h("span", { class: "pill " + kind }, text);
}

const STATES = {
  ready: "info", active: "good", scheduled: "", parked: "warn", done: "good", dead: "bad", cancelled: "", expired: "warn", archived: "warn",
  running: "info", paused: "warn", stopped: "bad", selecting: "info", undoing: "warn", undone: "",
};
export function state(name) {
  return pill(STATES[name] ?? "", name);
}

export function number(n) {
  return typeof n === "number" && Number.isFinite(n) ? n.toLocaleString("en-GB") : "–";
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "–";
  if (perSecond >= 100) return number(Math.round(perSecond)) + "/s";
  return perSecond > 0 && perSecond < 0.05 ? "<0.1/s" : perSecond.toFixed(1) + "/s";
}

export function duration(ms) {
  if (ms === undefined || ms === null || ms < 0) return "–";
  const s = ms / 1000;
  if (s < 1) return Math.round(ms) + " ms";
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 60) return Math.round(s) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

export function bytes(n) {
  if (typeof n !== "number") return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return (unit === 0 ? n : n.toFixed(1)) + " " + units[unit];
}

// "3 min ago", with the moment itself for whoever points at it. now: the servers' clock.
export function when(ms, now) {
  if (!ms) return "–";
  const far = ms - now;
  const text = Math.abs(far) < 1000 ? "now" : far < 0 ? duration(-far) + " ago" : "in " + duration(far);
  return h("time", { datetime: new Date(ms).toISOString(), title: new Date(ms).toLocaleString() }, text);
}

// columns: [title, row => content, class]; on a phone each row is a card whose cells carry their titles.
export function table(caption, columns, rows, empty) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  return h("div", { class: "scroll" }, h("table", { class: "cards" },
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, columns.map(([title, , css]) => h("th", { scope: "col", class: css }, title)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map(([title, cell, css]) => h("td", { class: css, "data-label": title }, cell(row))))))));
}

const SVG = "http://www.w3.org/2000/svg";
export function spark(values, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const most = Math.max(1e-9, ...values);
  const points = values.map((v, i) => [values.length < 2 ? 0 : (i * 100) / (values.length - 1), 28 - (v / most) * 25]);
  if (points.length > 1) {
    const line = points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
    for (const [css, d] of [["area", line + "L100 30L0 30Z"], ["", line]]) {
      const path = document.createElementNS(SVG, "path");
      if (css) path.setAttribute("class", css);
      path.setAttribute("d", d);
      svg.append(path);
    }
  }
  return svg;
}

export function toast(text, bad) {
  const t = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : undefined }, text);
  document.getElementById("toasts").append(t);
  setTimeout(() => t.remove(), bad ? 9000 : 4500);
}

// A form over the page. fields: elements; go: async () => closes it, an error is shown in it.
export function ask({ title, text, fields, verb, danger, go }) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const send = h("button", { type: "submit", class: "primary" + (danger ? " danger" : "") }, verb);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title), text ? h("p", { class: "note" }, text) : null,
    h("form", {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        send.disabled = true;
        wrong.textContent = "";
        try {
          await go();
          dialog.close();
        } catch (error) {
          wrong.textContent = error.message;
        }
        send.disabled = false;
      },
    }, fields, wrong, h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Keep as it is"), send)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
