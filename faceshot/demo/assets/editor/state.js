// What the editor knows: the points, what was done to them, and how it is told to the page. The files of this folder are
// one script, put together in the order of `names.py`; it runs with `element`, `props`, `trigger` and `watch`.
// `props.vocabulary` says what the 68 points are; no index is written down here.
const V = props.vocabulary;
const NS = "http://www.w3.org/2000/svg";
const $ = (name) => element.querySelector(`[data-fs="${name}"]`);
const svg = $("canvas"), status = $("status"), partChoice = $("part");
const layers = {};
for (const name of ["image", "faces", "parts", "halos", "lines", "frame", "points", "anchors", "clicks"]) {
  layers[name] = svg.appendChild(document.createElementNS(NS, "g"));
  layers[name].setAttribute("class", `fs-${name}`);
}

let stamp = null, points = null, absent = new Set(), edited = new Set();
let past = [], future = [], view = null, clicks = [], lastNudge = null;
let mirror = false, anchorsOn = false;

function load() {
  const value = props.value;
  if (!value || value.stamp === stamp) return;
  stamp = value.stamp;
  past = []; future = []; clicks = [];
  take(value.landmarks);
  if (value.picture && !(value.keep && view)) setView([-0.5, -0.5, value.picture.width, value.picture.height]);
  build();
  say(value.note || "");
  buttons();
}

function take(landmarks) {
  points = landmarks ? landmarks.points.map((p) => [...p]) : null;
  absent = new Set(landmarks ? landmarks.absent : []);
  edited = new Set(landmarks ? landmarks.edited : []);
}

function snapshot() { return { points: points.map((p) => [...p]), absent: [...absent], edited: [...edited] }; }

function commit(before) {
  past.push(before); future = [];
  publish();
}

function publish() {
  const value = structuredClone(props.value), rounded = points.map((p) => p.map((c) => Math.round(c * 1000) / 1000));
  Object.assign(value.landmarks, {
    points: rounded, absent: [...absent].sort(), edited: [...edited].sort((a, b) => a - b),
  });
  props.value = value;
  buttons(); draw();
  trigger("change");
}

function travel(from, to) {
  if (!from.length) return;
  to.push(snapshot());
  take(from.pop());
  publish();
}

function buttons() {
  $("undo").disabled = !past.length; $("redo").disabled = !future.length;
  for (const name of ["reset", "absent", "download", "mirror", "anchors"]) $(name).disabled = !points;
  partChoice.disabled = !points;
  $("mirror").setAttribute("aria-pressed", mirror); $("anchors").setAttribute("aria-pressed", anchorsOn);
  $("absent").setAttribute("aria-pressed", absent.has(partChoice.value));
}
