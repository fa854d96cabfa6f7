// Keyboard and buttons.
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
