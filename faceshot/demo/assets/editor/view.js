// Zoom and pan: by wheel, by two fingers, by buttons.
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
