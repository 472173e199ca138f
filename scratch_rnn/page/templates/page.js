"use strict";
// Layout only: it shows numbers that were recorded when the page was built. It computes none.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const all = (query) => [...document.querySelectorAll(query)];
const defaults = { cell: "lstm", lab: "hihello", updates: "15", pass: "forward", t: 3, unit: 0, eq: 3, step: 2, lang: "en" };
const state = { ...defaults };
const numbers = all("[data-ref]");
const parts = all("[data-cell], [data-pass]");
let timer = null;
let drawn = "";

const choices = {
  cell: () => Object.keys(data.equations),
  lab: () => Object.keys(data.texts),
  updates: () => data.updates,
  pass: () => ["forward", "backward"],
  lang: () => data.languages,
};
const counts = {
  t: () => data.texts[state.lab].length,
  unit: () => data.units[state.lab],
  step: () => Number($("step-t").max) + 1,
  eq: () => data.equations[state.cell] + 1,
};
const run = (cell) => data.runs[`${cell}/${state.lab}/${state.updates}`];
const text = (value) => value.replace(/^-/, "−");

// The words of a value: T × H numbers, number t * H + unit is the one of step t.
function words(cell, key) {
  const own = run(cell);
  return key in own.values ? own.pool[own.values[key]].split(" ") : null;
}

function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The state is in the part of the URL after #. Whatever is not a valid choice falls back to the default.
function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(choices)) {
    const value = given.get(key);
    state[key] = choices[key]().includes(value) ? value : defaults[key];
  }
  for (const key of Object.keys(counts)) {
    const value = given.get(key) ?? "";
    const least = key === "eq" ? 1 : 0;
    const good = /^\d{1,3}$/.test(value) && Number(value) >= least && Number(value) < counts[key]();
    state[key] = good ? Number(value) : Math.min(defaults[key], counts[key]() - 1);
  }
}

function choose(changes) {
  Object.assign(state, changes);
  for (const key of Object.keys(counts)) state[key] = Math.min(state[key], counts[key]() - 1);
  history.replaceState(null, "", `#${new URLSearchParams(state)}`);
  draw();
}

function move(key, by) {
  const count = counts[key]();
  choose({ [key]: (state[key] + by + count) % count });
}

// A cell of a heat map: its number as text, and a shape whose size or opacity shows it.
function cell(kind, value, largest, t, unit) {
  const number = Number(value);
  const share = Math.abs(number) / (Number(largest) || 1);
  const shape = element("b", { class: number < 0 ? "minus" : "plus" });
  shape.style.setProperty("--v", kind === "gradient" ? Math.sqrt(share) : share);
  return element("td", { class: kind, "data-t": t, "data-unit": unit, title: text(value) }, shape, element("span", { class: "sr" }, text(value)));
}

function drawMaps() {
  const own = run(state.cell), chars = data.texts[state.lab], hidden = data.units[state.lab];
  const row = (name, values, kind) => element("tr", { class: kind },
    element("th", { scope: "row" }, ...Object.entries(data.labels[name]).map(([lang, own]) => element("span", { lang }, own))),
    ...values.map((value, t) =>
    element("td", { "data-t": t, class: kind === "predicts" && !own.correct[t] ? "mistake" : "" }, value)));
  const head = element("tbody", {}, row("reads", chars, "reads"), row("predicts", own.predicted, "predicts"),
    row("probability", own.p, "p"));
  const groups = data.panels[state.cell][state.pass].map(([name, kind]) => {
    const values = words(state.cell, `=${name}`);
    const scale = kind === "gate" ? "0…1" : `±${own.largest[name]}`;
    const largest = kind === "gate" ? "1" : own.largest[name];
    return element("tbody", {}, ...Array.from({ length: hidden }, (_, unit) => element("tr", {},
      ...(unit ? [] : [element("th", { scope: "rowgroup", rowspan: hidden }, name, element("small", {}, scale))]),
      ...chars.map((_, t) => cell(kind, values[t * hidden + unit], largest, t, unit)))));
  });
  $("heat").replaceChildren($("heat").caption, element("colgroup", {}, element("col", { class: "names" })), head, ...groups);
  $("loss").textContent = own.loss;
}

function drawReach() {
  const own = run(state.cell), chars = data.texts[state.lab];
  const head = element("tr", {}, element("td"), ...chars.map((c, t) => element("th", { scope: "col", "data-t": t }, c)));
  const rows = own.reach.map((line, t) => {
    const values = line.split(" "), largest = values.reduce((a, b) => (Number(b) > Number(a) ? b : a));
    return element("tr", { "data-t": t }, element("th", { scope: "row" }, `…${chars[t]} → ${own.predicted[t]}`),
      ...values.map((value, s) => cell("reach", value, largest, s, "")));
  });
  $("reach-table").replaceChildren($("reach-table").caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

function draw() {
  const chars = data.texts[state.lab], hidden = data.units[state.lab];
  document.documentElement.lang = state.lang;
  document.title = `scratch_rnn: ${data.labels.title[state.lang]}`;
  for (const part of parts) {
    const { cell: of, pass } = part.dataset;
    part.hidden = (of !== undefined && of !== state.cell) || (pass !== undefined && pass !== state.pass);
  }
  const now = [state.cell, state.lab, state.updates, state.pass].join();
  if (now !== drawn) { drawMaps(); drawReach(); drawn = now; }
  for (const each of numbers) {
    const values = words(each.dataset.of, each.dataset.ref);
    each.textContent = values === null ? "" : text(values.length > 1 ? values[state.t * hidden + state.unit] : values[0]);
  }
  for (const each of all("#heat [data-t], #reach-table thead [data-t], #reach-table tr[data-t]")) {
    each.classList.toggle("now", Number(each.dataset.t) === state.t);
    each.classList.toggle("chosen", Number(each.dataset.t) === state.t && Number(each.dataset.unit) === state.unit);
  }
  for (const each of all("[data-eq]")) {
    each.classList.toggle("on", Number(each.dataset.eq) === state.eq);
  }
  for (const file of all(".file")) {
    const on = [...file.querySelectorAll(".on")];
    const first = on.find((line) => line.dataset.linePass === state.pass) ?? on[0];
    if (first?.offsetParent) file.scrollTop = first.offsetTop - file.clientHeight / 3;
  }
  for (const each of all("[data-choose]")) each.setAttribute("aria-pressed", Number(each.dataset.choose) === state.eq);
  for (const each of all("[data-at]")) each.classList.toggle("now", Number(each.dataset.at) === state.step);
  for (const each of all("[data-step]")) each.hidden = Number(each.dataset.step) !== state.step;
  for (const key of ["cell", "lab", "updates", "lang"]) if ($(key)) $(key).value = state[key];
  for (const radio of all("[name=pass]")) radio.checked = radio.value === state.pass;
  $("t").max = chars.length - 1;
  $("t").value = state.t;
  $("step-t").value = $("step-now").textContent = state.step;
  $("now").textContent = `t = ${state.t}, ‘${chars[state.t]}’`;
  $("unit-now").textContent = `${state.unit}, t = ${state.t}`;
}

function play() {
  const playing = timer === null;
  clearInterval(timer);
  timer = playing ? setInterval(() => move("t", state.pass === "forward" ? 1 : -1), 900) : null;
  $("play").setAttribute("aria-pressed", playing);
  $("play-sign").textContent = playing ? "❚❚" : "▶";
}

const keys = {
  ArrowLeft: () => move("t", -1), ArrowRight: () => move("t", 1),
  ArrowUp: () => move("unit", -1), ArrowDown: () => move("unit", 1),
  b: () => choose({ pass: state.pass === "forward" ? "backward" : "forward" }), " ": play,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const own = { INPUT: /^Arrow|^ $/, SELECT: /./, BUTTON: /^ $/, SUMMARY: /^ $/ }[event.target.tagName];
  if (own?.test(event.key)) return;
  const action = /^[1-9]$/.test(event.key) && Number(event.key) < counts.eq()
    ? () => choose({ eq: Number(event.key) }) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) { event.preventDefault(); action(); }
});
document.addEventListener("click", (event) => {
  const at = event.target.closest("#heat td[data-t]");
  const line = event.target.closest("[data-choose], .line[data-eq]");
  if (at) choose({ t: Number(at.dataset.t), unit: Number(at.dataset.unit ?? state.unit) });
  if (line) choose({ eq: Number(line.dataset.choose ?? line.dataset.eq), pass: line.dataset.linePass ?? state.pass });
});
for (const key of ["cell", "lab", "updates", "lang"]) $(key)?.addEventListener("change", (e) => choose({ [key]: e.target.value }));
for (const radio of all("[name=pass]")) radio.addEventListener("change", () => choose({ pass: radio.value }));
$("t").addEventListener("input", (event) => choose({ t: Number(event.target.value) }));
$("step-t").addEventListener("input", (event) => choose({ step: Number(event.target.value) }));
$("play").addEventListener("click", play);
$("bar").addEventListener("submit", (event) => event.preventDefault());
// A section that is open in one language is open in the other.
for (const each of all("[data-part]")) each.addEventListener("toggle", () => {
  for (const twin of all(`[data-part="${each.dataset.part}"]`)) twin.open = each.open;
});
// A hash without = is the address of a place on the page: a heading, which may be folded, or a line of a file.
window.addEventListener("hashchange", () => {
  if (location.hash.includes("=")) { read(); draw(); return; }
  const target = $(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("details");
  if (folded) folded.open = true;
  target?.scrollIntoView();
});
read();
draw();
