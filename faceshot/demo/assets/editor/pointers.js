// Mouse, pen and fingers: what was grabbed, and where it goes.
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
let drag = null, due = 0;

function soon() { // however often the pointer tells, once for every picture on the screen
  due ||= requestAnimationFrame(() => { due = 0; draw(); });
}

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
  if (drag.pan) { setView([view[0] - d[0], view[1] - d[1], view[2], view[3]]); soon(); return; }
  if (!drag.moved && Math.hypot(...d) < 1.5 * unit()) return;
  drag.moved = true;
  shift(drag.start, movesOf(drag.grip, drag.start, d, at));
  soon();
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
