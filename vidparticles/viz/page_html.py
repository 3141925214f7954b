"""The text of the page that `page.py` fills: layout, style and script, nothing from elsewhere."""

# Of every page: a picture under a canvas, and a row with a slider.
STYLE = """:root { color-scheme: dark }
body { margin: 0; background: #14161a; color: #d9dde4; font: 15px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 1.2rem 1rem 2rem }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0 0 .7rem; overflow-wrap: anywhere }
#stage { position: relative; border-radius: 8px; overflow: hidden; background: #000;
         box-shadow: 0 8px 30px #0008 }
#stage img, #stage canvas { display: block; position: absolute; inset: 0; width: 100%;
                            height: 100% }
#stage img { filter: brightness(.72) saturate(.8) }
#stage canvas { cursor: crosshair }
#tip { position: absolute; pointer-events: none; background: #0c0e12e6; border-radius: 5px;
       padding: .15rem .55rem; font-size: .8rem; white-space: nowrap; visibility: hidden;
       font-variant-numeric: tabular-nums }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.1rem; margin-top: .8rem }
#at { flex: 1 1 14rem; accent-color: #2fc4cc; margin: 0; min-width: 0 }
#clock { font-variant-numeric: tabular-nums; min-width: 13.5rem; margin-left: auto;
         text-align: right; color: #9aa3b0 }
button { font: inherit; color: inherit; background: #262b33; border: 0; border-radius: 6px;
         padding: .25rem .9rem; min-width: 4.6rem; cursor: pointer }
button:hover { background: #323843 }
label { display: inline-flex; align-items: center; gap: .35rem; cursor: pointer }
input[type=checkbox], input[type=radio] { accent-color: #2fc4cc; margin: 0 }
#key { height: .5rem; width: 9rem; border-radius: .25rem }
small { color: #9aa3b0 }
"""

# Draws in frame heights on the canvas `ink`: paths and arrows, which pages color as they will.
LINES = """// Frame heights to pixels of the canvas; x may be stretched by oblong pixels.
function across(x) { return x / POSITION / data.width * canvas.width; }
function down(y) { return y / POSITION * canvas.height; }
// From a place back in time, two numbers a step; `style` tells the ink of the k-th of `count`.
function trail(x, y, steps, style) {
  const count = steps.length / 2;
  for (let k = 0; k < count; k++) {
    ink.strokeStyle = style(k, count);
    ink.beginPath();
    ink.moveTo(across(x), down(y));
    x += steps[2 * k];
    y += steps[2 * k + 1];
    ink.lineTo(across(x), down(y));
    ink.stroke();
  }
}
// Along a unit vector, with two barbs of a length at its tip, `side` times as wide.
function arrowed(x, y, ux, uy, length, barb, side) {
  const tx = x + length * ux, ty = y + length * uy;
  ink.beginPath();
  ink.moveTo(across(x), down(y));
  ink.lineTo(across(tx), down(ty));
  for (const s of [side, -side]) {
    ink.moveTo(across(tx), down(ty));
    ink.lineTo(across(tx - barb * (ux - s * uy)), down(ty - barb * (uy + s * ux)));
  }
  ink.stroke();
}
"""

# Plays the moments of `data` by `draw`, which the page has: `now` is the one that is shown.
PLAYER = """let now = 0, timer = null;
function show(k) {
  now = Math.max(0, Math.min(last, k));
  slider.value = now;
  el("picture").src = `data:image/jpeg;base64,${data.pictures[now]}`;
  draw();
}
function fit() {
  const dense = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(stage.clientWidth * dense));
  canvas.height = Math.max(1, Math.round(stage.clientHeight * dense));
  draw();
}
function stop() {
  clearTimeout(timer);
  timer = null;
  el("play").textContent = "Play";
}
function tick() {
  show(now === last ? 0 : now + 1);
  const until = now === last ? data.end : moments[now + 1].t;
  timer = setTimeout(tick, 1000 * Math.min(1, Math.max(0.015, until - moments[now].t)));
}
el("play").addEventListener("click", () => {
  if (timer !== null) return stop();
  el("play").textContent = "Pause";
  tick();
});
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
document.addEventListener("keydown", (event) => {
  if (event.target === slider || event.target.tagName === "INPUT") return;
  if (event.key === "ArrowRight") { stop(); show(now + 1); }
  if (event.key === "ArrowLeft") { stop(); show(now - 1); }
});
window.addEventListener("resize", fit);
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{name}}: particles</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
{{style}}</style></head>
<body><main>
<h1>{{name}}</h1>
<div id="stage"><img id="picture" alt="a frame of the clip"><canvas id="ink"></canvas>
<div id="tip"></div></div>
<div class="row"><button id="play">Play</button>
<input id="at" type="range" min="0" value="0" step="1" aria-label="moment of the clip">
<span id="clock"></span></div>
<div class="row">
<label><input type="checkbox" id="tails" checked> tails</label>
<label><input type="checkbox" id="groups"> <span id="word">groups</span></label>
<label><input type="checkbox" id="forces"> forces</label>
<label><input type="checkbox" id="rings" checked> what appears and vanishes</label>
<span id="legend" class="row" style="margin:0"><small>still</small><span id="key"></span>
<small>fast</small></span></div>
<p><small id="note"></small></p>
</main>
<script type="application/json" id="data">{{data}}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const el = (id) => document.getElementById(id);
const [POSITION, RATE, AGE] = data.units, [RX, RY] = data.radius, objects = RY > 0;
const ID = 0, X = 1, Y = 2, VX = 3, VY = 4, OLD = 5, LABEL = 6, FX = 7, FY = 8;
const VISIBLE = 9, TAIL = 10;
const moments = data.moments, last = moments.length - 1;
const stage = el("stage"), canvas = el("ink"), ink = canvas.getContext("2d"), slider = el("at");
const rgb = (c, a) => `rgba(${c[0]},${c[1]},${c[2]},${a})`;
const RESTING = 0.01, SLOW = 0.03;  // frame heights per second: no tail; half as strong
let pointed = null;

// Where each particle was at all moments, to draw the whole path of the one pointed at.
const paths = new Map();
moments.forEach((moment, k) => moment.p.forEach((p) => {
  if (!paths.has(p[ID])) paths.set(p[ID], []);
  paths.get(p[ID]).push([k, p[X], p[Y]]);
}));
const ids = moments.map((moment) => new Set(moment.p.map((p) => p[ID])));
// All of a shot appear at once, which tells nothing.
const begins = ids.map((set, k) => k === 0 || ![...set].some((id) => ids[k - 1].has(id)));

stage.style.aspectRatio = `${data.size[0]} / ${data.size[1]}`;
slider.max = last;
el("groups").checked = data.color === "group";
el("forces").checked = data.forces;
if (objects) el("word").textContent = "a color each";
el("key").style.background =
  `linear-gradient(90deg, ${data.speeds.map((c) => rgb(c, 1)).join(", ")})`;
el("note").textContent = (data.note ? `Here are ${data.note}, evenly spread. ` : "")
  + `Point at ${objects ? "an object" : "a particle"} for its number, age and speed, `
  + "in frame heights per second.";

function speed(p) { return Math.hypot(p[VX], p[VY]) / RATE; }
function color(p) {
  if (el("groups").checked) {
    const n = data.labels.length - 1;
    return data.labels[p[LABEL] > 0 ? 1 + (p[LABEL] - 1) % n : 0];
  }
  const s = speed(p), stops = data.speeds, place = s / (s + data.fast) * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2), f = place - k;
  return stops[k].map((c, i) => Math.round(c + f * (stops[k + 1][i] - c)));
}
function weight(p) {
  const s = speed(p), moving = s * s / (s * s + SLOW * SLOW);
  if (el("groups").checked) return p[LABEL] > 0 ? 1 : 0.45 * moving;
  return moving;
}
{{lines}}
function draw() {
  // Dots are seen on a phone, too, where the picture is small and pixels are dense.
  const moment = moments[now], dense = canvas.width / (stage.clientWidth || 1);
  const unit = Math.max(canvas.height / 480, 0.8 * dense);
  ink.clearRect(0, 0, canvas.width, canvas.height);
  ink.lineCap = ink.lineJoin = "round";
  if (el("tails").checked) moment.p.forEach((p) => tail(p, unit));
  if (pointed !== null && paths.has(pointed)) whole(paths.get(pointed), unit);
  if (el("rings").checked) rings(unit);
  moment.p.forEach((p) => dot(p, unit));
  if (objects) moment.p.forEach((p) => outline(p, unit));
  if (el("forces").checked) moment.p.forEach((p) => arrow(p, unit));
  const there = moment.p.find((p) => p[ID] === pointed);
  if (there) {
    ink.strokeStyle = "#fff";
    ink.lineWidth = 1.5 * unit;
    ring(there, 7 * unit);
  }
  tip(there);
  el("clock").textContent = `${moment.t.toFixed(2)} s of ${data.end.toFixed(2)} s, `
    + `${moment.p.length} ${objects ? "objects" : "particles"}`;
}
function tail(p, unit) {
  const strength = weight(p), c = color(p);
  if (speed(p) < RESTING) return;
  ink.lineWidth = 1.8 * unit;
  trail(p[X], p[Y], p.slice(TAIL), (k) => rgb(c, strength * Math.exp(-1.6 * k / 5)));
}
function dot(p, unit) {
  const strength = 0.35 + 0.65 * weight(p), r = 2.4 * unit * (0.55 + 0.45 * strength);
  ink.beginPath();
  ink.arc(across(p[X]), down(p[Y]), r, 0, 2 * Math.PI);
  ink.fillStyle = rgb(color(p), strength);
  ink.strokeStyle = `rgba(0,0,0,${0.6 * strength})`;
  ink.lineWidth = 1.4 * unit;
  ink.stroke();
  ink.fill();
}
// An object, with its number above it; dashed where it is hidden.
function outline(p, unit) {
  const rx = RX / data.width * canvas.width, ry = RY * canvas.height;
  ink.strokeStyle = rgb(color(p), p[VISIBLE] ? 1 : 0.45);
  ink.lineWidth = 2.5 * unit;
  if (!p[VISIBLE]) ink.setLineDash([6 * unit, 6 * unit]);
  ink.beginPath();
  ink.ellipse(across(p[X]), down(p[Y]), rx, ry, 0, 0, 2 * Math.PI);
  ink.stroke();
  ink.setLineDash([]);
  ink.font = `${Math.round(20 * unit)}px system-ui, sans-serif`;
  ink.textAlign = "center";
  ink.fillStyle = rgb(color(p), p[VISIBLE] ? 1 : 0.45);
  ink.fillText(p[ID], across(p[X]), Math.max(20 * unit, down(p[Y]) - ry - 4 * unit));
}
function ring(p, r) {
  ink.beginPath();
  ink.arc(across(p[X]), down(p[Y]), r, 0, 2 * Math.PI);
  ink.stroke();
}
// Wide where one has just appeared, small and dashed where one was lost from sight.
function rings(unit) {
  if (begins[now]) return;
  ink.lineWidth = 1.2 * unit;
  moments[now].p.forEach((p) => {
    if (ids[now - 1].has(p[ID])) return;
    ink.strokeStyle = rgb(color(p), 0.85);
    ring(p, 8 * unit);
  });
  ink.setLineDash([2.5 * unit, 2.5 * unit]);
  moments[now - 1].p.forEach((p) => {
    if (ids[now].has(p[ID])) return;
    ink.strokeStyle = rgb(color(p), 0.7);
    ring(p, 4.5 * unit);
  });
  ink.setLineDash([]);
}
function arrow(p, unit) {
  const fx = p[FX] / RATE, fy = p[FY] / RATE, f = Math.hypot(fx, fy);
  if (f < 0.02) return;
  const length = data.arrow[0] * f / (f + data.arrow[1]) * POSITION;
  ink.strokeStyle = "rgba(255,107,204,.95)";
  ink.lineWidth = 1.6 * unit;
  arrowed(p[X], p[Y], fx / f, fy / f, length, Math.min(0.3 * length, 0.016 * POSITION), 0.45);
}
function whole(path, unit) {
  ink.strokeStyle = "rgba(255,255,255,.75)";
  ink.lineWidth = 1.2 * unit;
  ink.beginPath();
  path.forEach(([k, x, y], i) => {
    // A gap in what was seen is a gap in the path.
    if (i && path[i - 1][0] === k - 1) ink.lineTo(across(x), down(y));
    else ink.moveTo(across(x), down(y));
  });
  ink.stroke();
}
function tip(p) {
  const box = el("tip");
  box.style.visibility = p ? "visible" : "hidden";
  if (!p) return;
  const group = objects ? (p[VISIBLE] ? "visible" : "hidden")
    : p[LABEL] > 0 ? `group ${p[LABEL]}` : "background";
  box.textContent = `#${p[ID]}  ${(p[OLD] / AGE).toFixed(2)} s old  `
    + `${speed(p).toFixed(3)} /s  ${group}`;
  const x = across(p[X]) / canvas.width * stage.clientWidth;
  const y = down(p[Y]) / canvas.height * stage.clientHeight;
  box.style.left = `${Math.max(0, Math.min(x + 12, stage.clientWidth - box.offsetWidth - 4))}px`;
  box.style.top = `${y > 40 ? y - 34 : y + 14}px`;
}
{{player}}
for (const id of ["tails", "groups", "forces", "rings"]) el(id).addEventListener("change", () => {
  el("legend").style.visibility = el("groups").checked ? "hidden" : "visible";
  draw();
});
canvas.addEventListener("mousemove", (event) => {
  const box = canvas.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * canvas.width;
  const y = (event.clientY - box.top) / box.height * canvas.height;
  let best = 18 * canvas.width / box.width, found = null;
  for (const p of moments[now].p) {
    const away = Math.hypot(across(p[X]) - x, down(p[Y]) - y);
    if (away < best) { best = away; found = p[ID]; }
  }
  if (found !== pointed) { pointed = found; draw(); }
});
canvas.addEventListener("mouseleave", () => { pointed = null; draw(); });
el("legend").style.visibility = el("groups").checked ? "hidden" : "visible";
show(0);
fit();
</script>
</body></html>
"""


def with_shared(page: str) -> str:
    """A page with what all pages have."""
    for name, text in (("style", STYLE), ("lines", LINES), ("player", PLAYER)):
        page = page.replace("{{" + name + "}}", text)
    return page


PAGE = with_shared(_PAGE)
