
// A clip under the editor: its frames one at a time, how sure each is, and repairs of a range. The editor's own script
// comes before; it shows whatever frame `props.value` holds.
const scrub = $("scrub"), strip = $("strip"), start = $("start"), end = $("end");
let asked = null, asking = false;

function follow() { // a new frame, or new landmarks
  const { frames, frame, fps, scores } = props.value;
  $("line").hidden = !frames;
  if (!frames) return;
  for (const input of [scrub, start, end]) input.max = frames - 1;
  if (!props.value.keep) end.value = frames - 1;
  scrub.value = frame; start.value = frame;
  $("where").textContent = `Frame ${frame} of ${frames - 1}, ${(frame / fps).toFixed(2)} s, confidence ${scores[frame].toFixed(2)}`;
  paint();
}

function paint() {
  const { frames, frame, scores, changed } = props.value, ink = strip.getContext("2d");
  const wide = (strip.width = Math.max(1, strip.clientWidth)) / frames, bar = Math.max(1, wide - (wide > 4));
  scores.forEach((score, k) => {
    ink.fillStyle = colour(score);
    ink.fillRect(k * wide, 36 - 30 * score, bar, 30 * score + 4);
  });
  ink.fillStyle = "#fff";
  for (const k of changed) ink.fillRect(k * wide, 36, bar, 4);
  ink.fillStyle = "#ff5fd2";
  ink.fillRect(frame * wide, 0, Math.max(2, wide), 40);
}

async function go(k) { // one question at a time and always the latest
  asked = Math.min(Math.max(k, 0), props.value.frames - 1);
  if (asking) return;
  asking = true;
  try {
    while (asked !== null) {
      const frame = asked;
      asked = null;
      const value = await server.answer({ token: props.value.token, frame });
      if (value) { props.value = { ...structuredClone(props.value), ...value }; load(); follow(); }
    }
  } finally { asking = false; }
}

scrub.addEventListener("input", () => go(+scrub.value));
strip.addEventListener("pointerdown", (event) => go(Math.floor((event.offsetX / strip.clientWidth) * props.value.frames)));
element.addEventListener("click", (event) => {
  const { step, repair } = event.target.closest("button")?.dataset ?? {};
  if (step) go(props.value.frame + +step);
  if (!repair) return;
  props.value = { ...structuredClone(props.value), repair: { kind: repair, start: +start.value, end: +end.value } };
  trigger("submit");
});
new ResizeObserver(() => { if (props.value.frames) paint(); }).observe(strip);
watch("value", follow);
follow();
