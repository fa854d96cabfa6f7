// The landmark editor: an SVG over the picture. Runs as the loading script of its component, which hands in `element`,
// `props`, `trigger` and `watch`. `props.vocabulary` says what the 68 points are; no index is written down here.
const V = props.vocabulary;
const NS = "http://www.w3.org/2000/svg";
const $ = (name) => element.querySelector(`[data-fs="${name}"]`);
const svg = $("canvas"), status = $("status"), partChoice = $("part");
const layers = {};
for (const name of ["image", "faces", "parts", "lines", "frame", "points", "anchors", "clicks"]) {
  layers[name] = svg.appendChild(document.createElementNS(NS, "g"));
  layers[name].setAttribute("class", `fs-${name}`);
}

let stamp = null, points = null, absent = new Set(), edited = new Set();
let past = [], future = [], view = null, clicks = [], lastNudge = null;
let mirror = false, anchorsOn = false;

// ---- drawing

function make(layer, tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  layers[layer].appendChild(node);
  return node;
}

function unit() { // picture pixels per screen pixel
  const matrix = svg.getScreenCTM();
  return matrix && matrix.a ? 1 / matrix.a : 1;
}

function colour(score) {
  const [low, middle, high] = V.colours;
  const [from, to, share] = score < 0.5 ? [low, middle, score * 2] : [middle, high, score * 2 - 1];
  return `rgb(${from.map((c, k) => Math.round(c + (to[k] - c) * share)).join(",")})`;
}

function scoreOf(i) { return edited.has(i) ? 1 : props.value.landmarks.score ? props.value.landmarks.score[i] : 1; }

function build() { // everything that has a place; draw() puts it there
  for (const layer of Object.values(layers)) layer.replaceChildren();
  const value = props.value, shown = value && value.picture;
  $("root").classList.toggle("fs-empty", !shown);
  if (!shown) return;
  make("image", "image", {
    href: shown.src, x: -0.5, y: -0.5, width: shown.drawn[0], height: shown.drawn[1], preserveAspectRatio: "none",
  });
  if (value.ask === "face") {
    value.faces.forEach(([left, top, right, bottom], k) => make("faces", "rect", {
      x: left, y: top, width: right - left, height: bottom - top, "data-face": k, tabindex: 0, role: "button",
      "aria-label": `face ${k + 1} from the left`, class: k === value.chosen ? "fs-chosen" : "",
    }));
  }
  if (!points) return;
  for (const part of V.parts) make("parts", part.closed ? "polygon" : "polyline", { "data-part": part.name });
  for (const [k, curve] of V.curves.entries()) make("lines", curve.closed ? "polygon" : "polyline", { "data-curve": k });
  make("frame", "polygon", { "data-handle": "move" });
  for (const name of ["scale0", "scale1", "scale2", "scale3"]) make("frame", "rect", { "data-handle": name });
  make("frame", "line", { class: "fs-stem" });
  make("frame", "circle", { "data-handle": "turn" });
  points.forEach((_, i) => {
    const node = make("points", "circle", {
      "data-i": i, tabindex: 0, role: "button", "aria-roledescription": "point, move it with the arrow keys",
    });
    node.appendChild(document.createElementNS(NS, "title")).textContent = V.names[i];
  });
  for (const anchor of V.anchors) {
    const node = make("anchors", "circle", { "data-anchor": anchor.name });
    node.appendChild(document.createElementNS(NS, "title")).textContent = anchor.name;
  }
  draw();
}

function text(indices) { return indices.map((i) => `${points[i][0]},${points[i][1]}`).join(" "); }

function draw() {
  if (!points || !props.value.picture) return;
  const u = unit();
  for (const node of layers.parts.children) {
    const part = V.parts.find((one) => one.name === node.dataset.part);
    node.setAttribute("points", text(part.outline));
    node.setAttribute("stroke-width", (part.closed ? 4 : 14) * u);
    node.classList.toggle("fs-selected", V.partOf[part.points[0]] === partChoice.value);
  }
  for (const node of layers.lines.children) {
    const { indices } = V.curves[node.dataset.curve];
    node.setAttribute("points", text(indices));
    node.setAttribute("stroke-width", 2 * u);
    node.setAttribute("stroke", colour(indices.reduce((sum, i) => sum + scoreOf(i), 0) / indices.length));
    node.setAttribute("stroke-dasharray", gone(indices[0]) ? `${4 * u} ${4 * u}` : "none");
    node.setAttribute("opacity", gone(indices[0]) ? 0.45 : 1);
  }
  for (const node of layers.points.children) {
    const i = +node.dataset.i;
    node.setAttribute("cx", points[i][0]); node.setAttribute("cy", points[i][1]);
    node.setAttribute("r", (anchorsOn ? 2 : 4) * u); node.setAttribute("stroke-width", 1.2 * u);
    node.setAttribute("fill", colour(scoreOf(i)));
    node.setAttribute("aria-label", `${V.names[i]}${gone(i) ? ", absent" : ""}`);
    node.setAttribute("opacity", gone(i) ? 0.45 : 1);
    node.classList.toggle("fs-edited", edited.has(i));
  }
  drawFrame(u);
  layers.anchors.style.display = anchorsOn ? "" : "none";
  for (const node of layers.anchors.children) {
    const at = centre(V.anchors.find((one) => one.name === node.dataset.anchor).at);
    node.setAttribute("cx", at[0]); node.setAttribute("cy", at[1]); node.setAttribute("r", 8 * u);
    node.setAttribute("stroke-width", 2.5 * u);
  }
}

function corners() { // of the frame about the face
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const [l, r, t, b] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const m = 0.07 * Math.max(r - l, b - t);
  return [[l - m, t - m], [r + m, t - m], [r + m, b + m], [l - m, b + m]];
}

function drawFrame(u) {
  const at = corners(), [outline, ...handles] = layers.frame.children;
  outline.setAttribute("points", at.map((p) => p.join(",")).join(" "));
  outline.setAttribute("stroke-width", 1.2 * u); outline.setAttribute("stroke-dasharray", `${5 * u} ${4 * u}`);
  at.forEach(([x, y], k) => {
    for (const [name, v] of Object.entries({ x: x - 6 * u, y: y - 6 * u, width: 12 * u, height: 12 * u }))
      handles[k].setAttribute(name, v);
    handles[k].setAttribute("stroke-width", 1.2 * u);
  });
  const top = [(at[0][0] + at[1][0]) / 2, at[0][1]], knob = turnKnob(u);
  for (const [name, v] of Object.entries({ x1: top[0], y1: top[1], x2: knob[0], y2: knob[1], "stroke-width": 1.2 * u }))
    handles[4].setAttribute(name, v);
  handles[5].setAttribute("cx", knob[0]); handles[5].setAttribute("cy", knob[1]); handles[5].setAttribute("r", 7 * u);
  handles[5].setAttribute("stroke-width", 1.2 * u);
}

function turnKnob(u) { // above the frame, or below it where there is no room
  const at = corners(), x = (at[0][0] + at[1][0]) / 2, above = at[0][1] - 22 * u;
  return [x, above > (view ? view[1] : 0) + 8 * u ? above : at[0][1] + 18 * u];
}

function gone(i) { return absent.has(V.partOf[i]); }
function centre(indices) {
  return [0, 1].map((k) => indices.reduce((sum, i) => sum + points[i][k], 0) / indices.length);
}
function say(words) { status.textContent = words; }

// ---- state

function load() {
  const value = props.value;
  if (!value || value.stamp === stamp) return;
  stamp = value.stamp;
  past = []; future = []; clicks = [];
  take(value.landmarks);
  if (value.picture) setView([-0.5, -0.5, value.picture.width, value.picture.height]);
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

// ---- moving points

function across() { // unit vector from the subject's right to the left
  const [a, b] = [centre(V.eyes[0]), centre(V.eyes[1])], d = [b[0] - a[0], b[1] - a[1]], n = Math.hypot(...d) || 1;
  return [d[0] / n, d[1] / n];
}

function shift(start, moves) { // moves: Map of index -> [dx, dy] from `start`
  if (mirror) {
    const a = across();
    for (const [i, [dx, dy]] of [...moves]) {
      const twin = V.flip[i], along = 2 * (dx * a[0] + dy * a[1]);
      if (twin !== i && !moves.has(twin)) moves.set(twin, [dx - along * a[0], dy - along * a[1]]);
    }
  }
  points = start.map((p) => [...p]);
  for (const [i, [dx, dy]] of moves) { points[i] = [start[i][0] + dx, start[i][1] + dy]; edited.add(i); }
}

function similar(start, indices, pivot, from, to) { // turn and scale about `pivot` so that `from` comes to `to`
  const a = [from[0] - pivot[0], from[1] - pivot[1]], b = [to[0] - pivot[0], to[1] - pivot[1]];
  const n = a[0] * a[0] + a[1] * a[1] || 1, c = (a[0] * b[0] + a[1] * b[1]) / n, s = (a[0] * b[1] - a[1] * b[0]) / n;
  return new Map(indices.map((i) => {
    const [x, y] = [start[i][0] - pivot[0], start[i][1] - pivot[1]];
    return [i, [c * x - s * y - x, s * x + c * y - y]];
  }));
}

const all = () => points.map((_, i) => i);

function movesOf(grip, start, d, at) {
  if (grip.point !== undefined) return new Map([[grip.point, d]]);
  if (grip.part) return new Map(V.parts.find((one) => one.name === grip.part).points.map((i) => [i, d]));
  if (grip.anchor) {
    const anchor = V.anchors.find((one) => one.name === grip.anchor);
    if (anchor.pivot !== null) {
      return similar(start, anchor.carries, start[anchor.pivot], start[anchor.at[0]],
        [start[anchor.at[0]][0] + d[0], start[anchor.at[0]][1] + d[1]]);
    }
    return new Map(anchor.carries.map((i, k) => [i, [d[0] * anchor.weights[k], d[1] * anchor.weights[k]]]));
  }
  if (grip.handle === "move") return new Map(all().map((i) => [i, d]));
  const middle = grip.middle;
  if (grip.handle === "turn") {
    const reach = (p) => { const v = [p[0] - middle[0], p[1] - middle[1]], n = Math.hypot(...v) || 1; return [v[0] / n, v[1] / n]; };
    const [a, b] = [reach(grip.from), reach(at)];
    return similar(start, all(), middle, [middle[0] + a[0], middle[1] + a[1]], [middle[0] + b[0], middle[1] + b[1]]);
  }
  const far = (p) => Math.hypot(p[0] - middle[0], p[1] - middle[1]);
  const factor = Math.max(0.05, far(at) / (far(grip.from) || 1));
  return new Map(all().map((i) => [i, [(start[i][0] - middle[0]) * (factor - 1), (start[i][1] - middle[1]) * (factor - 1)]]));
}

// ---- pointers

function place(event) {
  const p = svg.createSVGPoint();
  [p.x, p.y] = [event.clientX, event.clientY];
  const q = p.matrixTransform(svg.getScreenCTM().inverse());
  return [q.x, q.y];
}

function nearest(at, event) {
  const reach = (event.pointerType === "touch" ? 20 : 11) * unit();
  let best, least = reach;
  points.forEach((p, i) => {
    const far = Math.hypot(p[0] - at[0], p[1] - at[1]);
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

function gripAt(event, at) {
  const { handle, part, anchor, face } = event.target.dataset;
  if (face !== undefined) return { face: +face };
  if (!points) return null;
  if (anchor) return { anchor };
  const box = corners(), middle = [(box[0][0] + box[2][0]) / 2, (box[0][1] + box[2][1]) / 2];
  if (handle && handle !== "move") return { handle, middle, from: at };
  const point = anchorsOn ? undefined : nearest(at, event);
  if (point !== undefined) return { point };
  if (part) return { part };
  return handle ? { handle, middle, from: at } : null;
}

const down = new Map();
let drag = null;

svg.addEventListener("pointerdown", (event) => {
  if (!props.value || !props.value.picture || event.button > 0) return;
  const at = place(event);
  down.set(event.pointerId, [event.clientX, event.clientY]);
  try { svg.setPointerCapture(event.pointerId); } catch { /* a pointer made by a script */ }
  if (down.size === 2) { cancelDrag(); drag = { pinch: pinchOf(), view: [...view] }; return; }
  if (props.value.ask === "clicks") { clickAt(at); return; }
  const grip = gripAt(event, at);
  if (grip && grip.face !== undefined) { chooseFace(grip.face); return; }
  if (!grip) { drag = { pan: true, at, view: [...view] }; return; }
  event.preventDefault();
  drag = { grip, at, before: snapshot(), start: points.map((p) => [...p]), moved: false };
  const index = grip.point ?? (grip.part && V.parts.find((one) => one.name === grip.part).points[0]);
  if (index !== undefined && index !== "") { partChoice.value = V.partOf[index]; buttons(); }
  if (grip.point !== undefined) { layers.points.children[grip.point].focus({ preventScroll: true }); say(V.names[grip.point]); }
  if (grip.part) say(grip.part.replace("_", " "));
});

svg.addEventListener("pointermove", (event) => {
  if (!down.has(event.pointerId) || !drag) return;
  down.set(event.pointerId, [event.clientX, event.clientY]);
  if (drag.pinch) { pinchTo(pinchOf()); return; }
  const at = place(event), d = [at[0] - drag.at[0], at[1] - drag.at[1]];
  if (drag.pan) { setView([view[0] - d[0], view[1] - d[1], view[2], view[3]]); draw(); return; }
  if (!drag.moved && Math.hypot(...d) < 1.5 * unit()) return;
  drag.moved = true;
  shift(drag.start, movesOf(drag.grip, drag.start, d, at));
  draw();
});

function release(event) {
  down.delete(event.pointerId);
  const done = drag;
  if (!down.size || (done && done.pinch)) drag = null;
  if (done && done.moved) commit(done.before);
  else if (done && done.grip) draw();
}
svg.addEventListener("pointerup", release);
svg.addEventListener("pointercancel", (event) => { cancelDrag(); release(event); });

function cancelDrag() {
  if (drag && drag.moved) { take(drag.before); draw(); }
  drag = null;
}

function chooseFace(k) {
  props.value = { ...structuredClone(props.value), chosen: k };
  trigger("select");
}

function clickAt(at) {
  clicks.push(at.map((c) => Math.round(c * 100) / 100));
  make("clicks", "circle", { cx: at[0], cy: at[1], r: 6 * unit(), "stroke-width": 2 * unit() });
  if (clicks.length < 3) { say(["", "Now the other eye.", "Now the middle of the mouth."][clicks.length]); return; }
  say("Looking there …");
  props.value = { ...structuredClone(props.value), clicks };
  clicks = [];
  trigger("submit");
}

// ---- zoom and pan

function setView(wanted) {
  const { width, height } = props.value.picture;
  const w = Math.min(Math.max(wanted[2], width / 40), width * 1.6), h = (w * height) / width;
  const within = (v, size, whole) => Math.min(Math.max(v, -0.5 - size / 2), whole - size / 2);
  view = [within(wanted[0], w, width), within(wanted[1], h, height), w, h];
  svg.setAttribute("viewBox", view.join(" "));
  svg.style.aspectRatio = `${width} / ${height}`;
}

function zoom(factor, at) {
  const [x, y] = at || [view[0] + view[2] / 2, view[1] + view[3] / 2];
  setView([x - (x - view[0]) / factor, y - (y - view[1]) / factor, view[2] / factor, view[3] / factor]);
  draw();
}

function fit() {
  const { width, height } = props.value.picture;
  setView([-0.5, -0.5, width, height]);
  draw();
}

svg.addEventListener("wheel", (event) => {
  if (!view) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), place(event));
}, { passive: false });

function pinchOf() {
  const [a, b] = [...down.values()];
  return { far: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
}

function pinchTo(now) {
  const was = drag.pinch;
  const at = place({ clientX: now.middle[0], clientY: now.middle[1] });
  const before = place({ clientX: was.middle[0], clientY: was.middle[1] });
  setView([view[0] - at[0] + before[0], view[1] - at[1] + before[1], view[2], view[3]]);
  zoom(now.far / (was.far || 1), at);
  drag.pinch = now;
}

// ---- keyboard and buttons

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

element.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (command && (key === "z" || key === "y")) {
    event.preventDefault();
    if (key === "y" || event.shiftKey) travel(future, past); else travel(past, future);
    return;
  }
  const { i, face } = event.target.dataset;
  if (face !== undefined && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); chooseFace(+face); }
  if (i === undefined) return;
  if (event.key === "Escape") { $("undo").disabled ? partChoice.focus() : $("undo").focus(); return; }
  const way = ARROWS[event.key];
  if (!way) return;
  event.preventDefault();
  const before = snapshot(), step = event.shiftKey ? 10 : 1;
  shift(before.points, new Map([[+i, [way[0] * step, way[1] * step]]]));
  if (lastNudge && lastNudge.i === i && event.timeStamp - lastNudge.time < 700 && past.length) { future = []; publish(); }
  else commit(before);
  lastNudge = { i, time: event.timeStamp };
});

svg.addEventListener("focusin", (event) => {
  if (event.target.dataset.i !== undefined) say(V.names[+event.target.dataset.i]);
});

const actions = {
  undo: () => travel(past, future),
  redo: () => travel(future, past),
  mirror: () => { mirror = !mirror; buttons(); },
  anchors: () => { anchorsOn = !anchorsOn; buttons(); draw(); },
  plus: () => zoom(1.5), minus: () => zoom(1 / 1.5), fit,
  absent: () => {
    const before = snapshot(), part = partChoice.value;
    if (!absent.delete(part)) absent.add(part);
    commit(before);
  },
  reset: () => {
    const before = snapshot();
    all().filter((i) => V.partOf[i] === partChoice.value).forEach((i) => {
      points[i] = [...props.value.found[i]]; edited.delete(i);
    });
    commit(before);
  },
  download: () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(props.value.landmarks, null, 1)], { type: "application/json" }));
    link.download = `${props.value.stem}.landmarks.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  },
};
element.addEventListener("click", (event) => {
  const name = event.target.closest("button")?.dataset.fs;
  if (name && actions[name] && props.value && props.value.picture) actions[name]();
});
partChoice.addEventListener("change", () => { buttons(); draw(); });
new ResizeObserver(draw).observe(svg);
watch("value", load);
load();
buttons();
