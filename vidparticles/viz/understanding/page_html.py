"""The text of the page that `understanding/page.py` fills: nothing from elsewhere."""

from vidparticles.viz.page_html import with_shared

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{name}}: what it shows</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
{{style}}
main { max-width: 84rem }
h2 { font-size: .85rem; font-weight: 600; color: #9aa3b0; margin: 1.4rem 0 .4rem }
#top { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem }
video { display: block; width: 100%; max-height: 60vh; background: #000; border-radius: 8px }
#now { list-style: none; margin: 0; padding: 0 }
#now li { padding: .35rem 0; border-bottom: 1px solid #262b33; overflow-wrap: anywhere }
#now span { display: block; color: #9aa3b0; font-size: .8rem }
#shots { display: flex; gap: .5rem; overflow-x: auto; padding-bottom: .4rem }
#shots button { flex: none; width: 8.2rem; padding: 0 0 .3rem; overflow: hidden;
  border: 1px solid transparent; font-size: .8rem; font-variant-numeric: tabular-nums }
#shots button[aria-current=true] { border-color: #2fc4cc }
#shots img { display: block; width: 100%; height: 4.8rem; object-fit: cover; margin-bottom: .2rem }
#lanes { position: relative; cursor: pointer }
.lane { display: grid; grid-template-columns: minmax(0, 1fr); margin-bottom: .55rem }
.lane b { font-weight: 400; font-size: .8rem; color: #9aa3b0 }
.tracks { display: grid; gap: 2px; min-width: 0 }
.track { position: relative; height: 1.7rem; background: #1d2127; border-radius: 4px }
.track button { position: absolute; top: 0; bottom: 0; min-width: 2px; padding: 0 .35rem;
  border-radius: 4px; background: #2f6f86; color: #eef2f6; font-size: .8rem; text-align: left;
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
  box-shadow: inset 0 0 0 1px #14161a }
.track button.slight { background: #2a303a; color: #9aa3b0 }
.track button:focus-visible { outline: 2px solid #2fc4cc; z-index: 1 }
.track svg { width: 100%; height: 100%; display: block }
#head { position: absolute; top: 0; bottom: 0; width: 2px; background: #f2b84b;
  pointer-events: none; z-index: 2 }
#clock { margin: 0; min-width: 0; text-align: left }
@media (min-width: 60rem) {
  #top { grid-template-columns: minmax(0, 1fr) 24rem }
  .lane { grid-template-columns: 8.5rem minmax(0, 1fr); align-items: center }
}
</style></head>
<body><main>
<h1>{{name}}</h1>
<div id="top"><video id="clip" controls playsinline preload="auto"></video>
<div><p id="clock"></p><ul id="now" aria-live="off"></ul></div></div>
<h2>Shots</h2><div id="shots"></div>
<h2>When: choose a moment</h2><div id="lanes"><div id="head"></div></div>
<p><small id="note"></small></p>
</main>
<script type="application/json" id="data">{{data}}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const el = (id) => document.getElementById(id);
const clip = el("clip"), lanes = el("lanes"), head = el("head");
const end = Math.max(data.seconds, 0.001);
const share = (t) => `${100 * Math.min(1, Math.max(0, t / end))}%`;

function clock(t) {
  const tenths = Math.round(10 * t), s = Math.floor(tenths / 10);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}.${tenths % 10}`;
}
function make(tag, within, set = {}) {
  const one = Object.assign(document.createElement(tag), set);
  within.append(one);
  return one;
}
function seek(t) { clip.currentTime = Math.min(t, Math.max(0, end - 0.01)); show(); }

clip.src = data.source;
clip.style.aspectRatio = `${data.size[0]} / ${data.size[1]}`;
el("note").textContent = [data.note, "Of what is done, a label is told where the network is surer "
  + "than it mostly is where it is wrong; what it is unsure of is gray.",
  data.lanes.some((lane) => lane.name === "kinds of sound") && "Kinds of sound are told by "
  + "YAMNet's scores, which are no probabilities.", ...data.warnings]
  .filter(Boolean).join(" ");

data.shots.forEach((shot, k) => {
  const button = make("button", el("shots"), {
    title: shot.begins ? `after a ${shot.begins}` : "", onclick: () => seek(shot.start) });
  make("img", button, { src: `data:image/jpeg;base64,${shot.picture}`, alt: `shot ${k + 1}` });
  button.append(`${k + 1}  ${clock(shot.start)}`);
  shot.button = button;
});

const told = [];  // [lane, start, end, label, weight]
for (const lane of data.lanes) {
  const row = make("div", lanes, { className: "lane" });
  make("b", row, { textContent: lane.name });
  const tracks = make("div", row, { className: "tracks" });
  for (const stretches of lane.rows) {
    const track = make("div", tracks, { className: "track" });
    for (const [from, to, label, weight] of stretches) {
      const button = make("button", track, {
        textContent: label, title: `${label}, ${clock(from)} to ${clock(to)}`,
        className: weight < 0.5 ? "slight" : "" });
      button.style.left = share(from);
      button.style.width = share(to - from);
      button.onclick = (e) => { if (!e.detail) seek(from); };  // by key; a click tells its place
      told.push([lane.name, from, to, label]);
    }
  }
}
const [times, values] = data.novelty, most = Math.max(...values, 1e-6);
if (values.length > 2) {
  const row = make("div", lanes, { className: "lane" });
  make("b", row, { textContent: "how new it is" });
  const track = make("div", make("div", row, { className: "tracks" }), { className: "track" });
  const steps = values.map((v, k) => {
    const until = k + 1 < times.length ? times[k + 1] : end, y = (1 - 0.92 * v / most).toFixed(3);
    return `L${times[k]} ${y}L${until} ${y}`;
  });
  track.innerHTML = `<svg viewBox="0 0 ${end} 1" preserveAspectRatio="none" role="img"
    aria-label="how unlike all before each moment is"><path d="M0 1L0 1${steps.join("")}L${end} 1Z"
    fill="#8a6fb8"/></svg>`;
}

lanes.addEventListener("click", (e) => {
  const track = e.target.closest(".track");
  if (!track || !e.detail) return;
  const place = track.getBoundingClientRect();
  seek(end * Math.min(1, Math.max(0, (e.clientX - place.left) / place.width)));
});

let spoken = "";
function show() {
  const t = clip.currentTime || 0;
  const track = lanes.querySelector(".track");
  head.hidden = !track;
  if (track) {
    const place = track.getBoundingClientRect();
    const left = place.left - lanes.getBoundingClientRect().left;
    head.style.left = `${left + place.width * t / end}px`;
  }
  el("clock").textContent = `${clock(t)} of ${clock(data.seconds)}`;
  data.shots.forEach((s) => s.button.setAttribute("aria-current", s.start <= t && t < s.end));
  const now = told.filter(([, from, to]) => from <= t && t < to);
  const text = JSON.stringify(now);
  if (text === spoken) return;
  spoken = text;
  el("now").replaceChildren();
  for (const name of new Set(now.map(([lane]) => lane))) {
    const item = make("li", el("now"));
    make("span", item, { textContent: name });
    item.append(now.filter(([lane]) => lane === name).map((n) => n[3]).join("; "));
  }
}
clip.addEventListener("timeupdate", show);
clip.addEventListener("seeked", show);
addEventListener("resize", show);
(function often() { if (!clip.paused) show(); requestAnimationFrame(often); })();
show();
</script></body></html>
"""

PAGE = with_shared(_PAGE)
