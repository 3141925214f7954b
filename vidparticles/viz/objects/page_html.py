"""The text of the page that `objects/page.py` fills: nothing from elsewhere."""

from vidparticles.viz.page_html import with_shared

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{name}}: objects</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
{{style}}
main { max-width: 84rem }
#both { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem }
#stage { max-height: 78vh; margin: 0 auto; width: 100% }
#stage #mask { filter: none; opacity: .4 }
#stage [hidden], label[hidden] { display: none }
#list { list-style: none; margin: 0; padding: 0; max-height: 46vh; overflow-y: auto }
#list button { display: grid; grid-template-columns: .8rem 1fr auto; gap: .1rem .6rem;
  align-items: center; width: 100%; padding: .45rem .6rem; margin-bottom: .3rem;
  text-align: left; background: #1d2127; border: 1px solid transparent }
#list button[aria-pressed=true] { border-color: #d9dde4; background: #2a303a }
#list i { width: .8rem; height: .8rem; border-radius: .2rem; border: 1px solid #0008 }
#list .span, #list .at { color: #9aa3b0; font-size: .8rem; font-variant-numeric: tabular-nums }
#list .at { grid-column: 2 / 4; min-height: 1.2em }
#list svg { grid-column: 2 / 4; width: 100%; height: .55rem; display: block }
#list .away b { font-weight: 400; color: #9aa3b0 }
#counts { font-variant-numeric: tabular-nums }
#clock { min-width: 9rem }
button, label { min-height: 2.2rem }
@media (min-width: 60rem) {
  #both { grid-template-columns: minmax(0, 1fr) 21rem }
  #list { max-height: 72vh }
}
</style></head>
<body><main>
<h1>{{name}}</h1>
<div id="both"><div>
<div id="stage"><img id="picture" alt="a frame of the clip"><img id="mask" alt="">
<canvas id="ink"></canvas></div>
<div class="row"><button id="play">Play</button>
<input id="at" type="range" min="0" value="0" step="1" aria-label="moment of the clip">
<span id="clock"></span></div>
<div class="row"><span id="counts"></span></div>
<div class="row">
<label><input type="checkbox" id="boxes" checked> boxes</label>
<label id="tint"><input type="checkbox" id="masks" checked> masks</label>
<label><input type="checkbox" id="paths" checked> paths</label>
<label><input type="checkbox" id="forces"> forces</label></div>
</div><ol id="list" aria-label="objects"></ol></div>
<p><small id="note"></small></p>
</main>
<script type="application/json" id="data">{{data}}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const el = (id) => document.getElementById(id);
const [POSITION, RATE] = data.units, moments = data.moments, last = moments.length - 1;
const ID = 0, KIND = 1, VISIBLE = 2, L = 3, T = 4, R = 5, B = 6, VX = 7, VY = 8, FX = 9, FY = 10;
const PATH = 11;
const stage = el("stage"), canvas = el("ink"), ink = canvas.getContext("2d"), slider = el("at");
const rgb = (id, a) => `rgba(${data.colors[id % data.colors.length]},${a})`;
const rows = new Map();  // of the list, by number
let chosen = null;

stage.style.aspectRatio = `${data.size[0]} / ${data.size[1]}`;
// As wide as its height allows.
stage.style.maxWidth = `calc(78vh * ${data.size[0] / data.size[1]})`;
slider.max = last;
el("forces").checked = data.forces;
el("tint").hidden = !data.masks.length;
el("note").textContent = (data.note ? `Here are ${data.note}, evenly spread. ` : "")
  + "Dashed is what is hidden or not found for a moment. Choose an object in the list or in the "
  + "picture; in the list its span is where it begins. Arrows are accelerations: what pushed it. "
  + "Positions are of its middle, from the left and the top; all lengths in frame heights."
  + (data.more ? ` ${data.more} more objects, in sight for a shorter time, are not listed.` : "");

{{lines}}function faded(p) { return chosen !== null && p[ID] !== chosen ? 0.35 : 1; }
function clock(t) { return `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`; }

function draw() {
  // Letters are read on a phone, too, where the picture is small and pixels are dense.
  const shown = stage.clientWidth || 1, dense = canvas.width / shown;
  const moment = moments[now], unit = dense * Math.min(1.2, Math.max(0.9, shown / 800));
  const ordered = [...moment.p].sort((p, q) => area(q) - area(p));
  ink.clearRect(0, 0, canvas.width, canvas.height);
  ink.lineCap = ink.lineJoin = "round";
  if (el("paths").checked) ordered.forEach((p) => path(p, unit));
  if (el("boxes").checked) ordered.forEach((p) => box(p, unit));
  if (el("forces").checked) ordered.forEach((p) => arrow(p, unit));
  if (el("boxes").checked) {
    const taken = [];
    ordered.filter((p) => p[VISIBLE]).forEach((p) => label(p, unit, taken));
    ordered.filter((p) => !p[VISIBLE]).forEach((p) => label(p, unit, taken));
  }
  tell(moment);
  const mask = el("masks").checked && data.masks[now];
  el("mask").hidden = !mask;
  if (mask) el("mask").src = `data:image/png;base64,${mask}`;
  // One picture holds all masks: that of the chosen is what lies in its box.
  const p = moment.p.find((one) => one[ID] === chosen), wide = data.width * POSITION;
  const around = p && [p[T] / POSITION, 1 - p[R] / wide, 1 - p[B] / POSITION, p[L] / wide];
  el("mask").style.clipPath = chosen === null ? "none"
    : around ? `inset(${around.map((x) => `${100 * Math.max(0, x)}%`).join(" ")})` : "inset(50%)";
}
function area(p) { return (p[R] - p[L]) * (p[B] - p[T]); }
function path(p, unit) {
  ink.lineWidth = 2.6 * unit;
  trail((p[L] + p[R]) / 2, (p[T] + p[B]) / 2, p.slice(PATH),
    (k, count) => rgb(p[ID], faded(p) * (1 - 0.85 * k / count)));
}
function box(p, unit) {
  const place = [across(p[L]), down(p[T]), across(p[R] - p[L]), down(p[B] - p[T])];
  if (!p[VISIBLE]) ink.setLineDash([6 * unit, 6 * unit]);
  const dark = `rgba(0,0,0,${0.5 * faded(p)})`;
  for (const [color, wide] of [[dark, 4.4], [rgb(p[ID], faded(p)), 2.6]]) {
    ink.strokeStyle = color;
    ink.lineWidth = wide * unit;
    ink.strokeRect(...place);
  }
  ink.setLineDash([]);
}
// Above its box, within it or below, where no other label lies; none where all is taken.
function label(p, unit, taken) {
  const high = 19 * unit, pad = 4 * unit, text = `${p[ID]} ${data.kinds[p[KIND]]}`;
  ink.font = `600 ${Math.round(14 * unit)}px system-ui, sans-serif`;
  const wide = ink.measureText(text).width + 2 * pad;
  const left = across(p[L]), right = across(p[R]), top = down(p[T]), bottom = down(p[B]);
  const columns = [left, right - wide, ...taken.map((t) => t[2]), ...taken.map((t) => t[0] - wide)];
  const lines = [top - high, top, bottom, bottom - high];
  for (let y = top + high; y < bottom - high; y += high) lines.push(y);
  for (const line of lines) for (const column of columns) {
    if (column > right || column + wide < left) continue;
    const x = Math.max(0, Math.min(column, canvas.width - wide));
    const y = Math.max(0, Math.min(line, canvas.height - high));
    if (taken.some((t) => t[0] < x + wide && x < t[2] && t[1] < y + high && y < t[3])) continue;
    taken.push([x, y, x + wide, y + high]);
    ink.globalAlpha = faded(p) * (p[VISIBLE] ? 1 : 0.7);
    ink.fillStyle = p[VISIBLE] ? rgb(p[ID], 1) : "#0c0c0e";
    ink.fillRect(x, y, wide, high);
    ink.fillStyle = p[VISIBLE] ? "#0c0c0e" : rgb(p[ID], 1);
    ink.textBaseline = "middle";
    ink.fillText(text, x + pad, y + high / 2);
    ink.globalAlpha = 1;
    return;
  }
}
function arrow(p, unit) {
  const fx = p[FX] / RATE, fy = p[FY] / RATE, f = Math.hypot(fx, fy);
  const share = f / (f + data.arrow[1]);
  if (share < data.arrow[2]) return;
  const length = data.arrow[0] * share * POSITION;
  const x = (p[L] + p[R]) / 2, y = (p[T] + p[B]) / 2;
  for (const [color, wide] of [["rgba(0,0,0,.8)", 7], ["#fff", 4]]) {
    ink.strokeStyle = color;
    ink.lineWidth = wide * unit;
    ink.globalAlpha = faded(p);
    arrowed(x, y, fx / f, fy / f, length, 0.03 * POSITION, 0.5);
  }
  ink.globalAlpha = 1;
}
// Words and numbers: how many of what, and where each is.
function tell(moment) {
  const counts = new Map();
  for (const p of moment.p) if (p[VISIBLE]) counts.set(p[KIND], (counts.get(p[KIND]) || 0) + 1);
  const told = [...counts].map(([kind, count]) => `${count} ${data.kinds[kind]}`);
  el("clock").textContent = `${clock(moment.t)} of ${clock(data.end)}`;
  el("counts").textContent = told.length ? told.join(", ") : "nothing in sight";
  const there = new Map(moment.p.map((p) => [p[ID], p]));
  for (const [id, row] of rows) {
    const p = there.get(id);
    row.button.classList.toggle("away", !p);
    row.button.setAttribute("aria-pressed", id === chosen);
    row.mark.setAttribute("x", 1000 * moment.t / data.end - 3);
    row.at.textContent = !p ? "" : `at ${((p[L] + p[R]) / 2 / POSITION).toFixed(2)}, `
      + `${((p[T] + p[B]) / 2 / POSITION).toFixed(2)} · `
      + `${(Math.hypot(p[VX], p[VY]) / RATE).toFixed(2)} a second${p[VISIBLE] ? "" : " · hidden"}`;
  }
}
function made(tag, inside, name) {
  const one = document.createElement(tag);
  if (name) one.className = name;
  inside.append(one);
  return one;
}
function drawn(tag, inside, place) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(place)) one.setAttribute(name, value);
  inside.append(one);
  return one;
}
function nearest(t) {
  let best = 0;
  moments.forEach((m, k) => { if (Math.abs(m.t - t) < Math.abs(moments[best].t - t)) best = k; });
  return best;
}
for (const [id, kind, pieces] of data.objects) {
  const button = made("button", made("li", el("list")));
  made("i", button).style.background = rgb(id, 1);
  made("b", button).textContent = `${id} ${kind}`;
  const first = pieces[0][0], end = pieces[pieces.length - 1][1];
  made("span", button, "span").textContent = `${clock(first)} – ${clock(end)}`;
  const bar = drawn("svg", button, { viewBox: "0 0 1000 10", preserveAspectRatio: "none" });
  drawn("rect", bar, { x: 0, y: 0, width: 1000, height: 10, fill: "#343a44" });
  for (const [from, to] of pieces) drawn("rect", bar, { x: 1000 * from / data.end, y: 0,
    width: Math.max(4, 1000 * (to - from) / data.end), height: 10, fill: rgb(id, 1) });
  const mark = drawn("rect", bar, { y: 0, width: 6, height: 10, fill: "#fff" });
  rows.set(id, { button, mark, at: made("span", button, "at") });
  // On its span, to the time that was pointed at; else to where it begins.
  button.addEventListener("click", (event) => {
    const place = bar.getBoundingClientRect();
    const on = event.clientX && event.clientY >= place.top - 6 && event.clientY <= place.bottom + 6;
    const share = Math.max(0, Math.min(1, (event.clientX - place.left) / place.width));
    if (chosen === id && !on) { chosen = null; return draw(); }
    chosen = id;
    stop();
    show(nearest(on ? share * data.end : first));
  });
}
{{player}}
for (const id of ["boxes", "masks", "paths", "forces"]) el(id).addEventListener("change", draw);
canvas.addEventListener("click", (event) => {
  const place = canvas.getBoundingClientRect();
  const x = (event.clientX - place.left) / place.width * data.width * POSITION;
  const y = (event.clientY - place.top) / place.height * POSITION;
  const hit = moments[now].p.filter((p) => p[L] <= x && x <= p[R] && p[T] <= y && y <= p[B]);
  hit.sort((p, q) => area(p) - area(q));  // the smallest: a ball before the man behind it
  chosen = hit.length && hit[0][ID] !== chosen ? hit[0][ID] : null;
  const row = rows.get(chosen), list = el("list");
  if (row) list.scrollTop = row.button.offsetTop - list.offsetTop;
  draw();
});
show(0);
fit();
</script>
</body></html>
"""

OBJECT_PAGE = with_shared(_PAGE)
