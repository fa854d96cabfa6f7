// How points move: by themselves, as parts, by their handles, mirrored. Everything is counted from where a drag began.
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
