// The picture and everything over it. build() makes what has a place, draw() puts it there.
function make(layer, tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  layers[layer].appendChild(node);
  return node;
}

function put(node, name, value) { // what stays as it is costs the browser nothing
  if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, value);
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
  for (const layer of ["halos", "lines"]) { // a dark line under each, as a filter would be drawn anew with every move
    for (const [k, curve] of V.curves.entries()) make(layer, curve.closed ? "polygon" : "polyline", { "data-curve": k });
  }
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
    put(node, "points", text(part.outline));
    put(node, "stroke-width", (part.closed ? 4 : 14) * u);
    node.classList.toggle("fs-selected", V.partOf[part.points[0]] === partChoice.value);
  }
  for (const node of layers.halos.children) {
    const { indices } = V.curves[node.dataset.curve];
    put(node, "points", text(indices));
    put(node, "stroke-width", 4.5 * u);
    put(node, "opacity", gone(indices[0]) ? 0 : 1);
  }
  for (const node of layers.lines.children) {
    const { indices } = V.curves[node.dataset.curve];
    put(node, "points", text(indices));
    put(node, "stroke-width", 2 * u);
    put(node, "stroke", colour(indices.reduce((sum, i) => sum + scoreOf(i), 0) / indices.length));
    put(node, "stroke-dasharray", gone(indices[0]) ? `${4 * u} ${4 * u}` : "none");
    put(node, "opacity", gone(indices[0]) ? 0.45 : 1);
  }
  for (const node of layers.points.children) {
    const i = +node.dataset.i;
    put(node, "cx", points[i][0]); put(node, "cy", points[i][1]);
    put(node, "r", (anchorsOn ? 2 : 4) * u); put(node, "stroke-width", 1.2 * u);
    put(node, "fill", colour(scoreOf(i)));
    put(node, "aria-label", `${V.names[i]}${gone(i) ? ", absent" : ""}`);
    put(node, "opacity", gone(i) ? 0.45 : 1);
    node.classList.toggle("fs-edited", edited.has(i));
  }
  drawFrame(u);
  layers.anchors.style.display = anchorsOn ? "" : "none";
  for (const node of layers.anchors.children) {
    const at = centre(V.anchors.find((one) => one.name === node.dataset.anchor).at);
    put(node, "cx", at[0]); put(node, "cy", at[1]); put(node, "r", 8 * u);
    put(node, "stroke-width", 2.5 * u);
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
  put(outline, "points", at.map((p) => p.join(",")).join(" "));
  put(outline, "stroke-width", 1.2 * u); put(outline, "stroke-dasharray", `${5 * u} ${4 * u}`);
  at.forEach(([x, y], k) => {
    for (const [name, v] of Object.entries({ x: x - 6 * u, y: y - 6 * u, width: 12 * u, height: 12 * u }))
      put(handles[k], name, v);
    put(handles[k], "stroke-width", 1.2 * u);
  });
  const top = [(at[0][0] + at[1][0]) / 2, at[0][1]], knob = turnKnob(u);
  for (const [name, v] of Object.entries({ x1: top[0], y1: top[1], x2: knob[0], y2: knob[1], "stroke-width": 1.2 * u }))
    put(handles[4], name, v);
  put(handles[5], "cx", knob[0]); put(handles[5], "cy", knob[1]); put(handles[5], "r", 7 * u);
  put(handles[5], "stroke-width", 1.2 * u);
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
