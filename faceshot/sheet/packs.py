"""What goes beside the pictures for people who stream: a page for OBS, and what to put where."""

from __future__ import annotations

from typing import Final

PACK_TEXT: Final = """The four pictures in pngtuber/ are the states of a PNGTuber: idle, talk, idle-blink, talk-blink.
veadotube mini, PNGTuber Plus and others take them as: mouth shut, mouth open, and both with closed eyes.

obs.html shows them by itself: in OBS add a Browser source, tick "Local file", choose obs.html, and set the size of
the pictures. It blinks by the clock. It opens the mouth with your voice where the browser may use the microphone
(start OBS with --enable-media-stream), or by the clock with obs.html?talk=auto
"""

OBS_PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<title>FaceShot</title>
<style>
html, body { margin: 0; height: 100%; background: transparent; overflow: hidden }
img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; visibility: hidden }
img.on { visibility: visible }
</style>
<img id="idle" src="pngtuber/idle.png" alt="" class="on"><img id="talk" src="pngtuber/talk.png" alt="">
<img id="idle-blink" src="pngtuber/idle-blink.png" alt=""><img id="talk-blink" src="pngtuber/talk-blink.png" alt="">
<script>
let talking = false, blinking = false;
function show() {
    const name = (talking ? "talk" : "idle") + (blinking ? "-blink" : "");
    for (const image of document.images) image.classList.toggle("on", image.id === name);
}
function blink() {
    blinking = true; show();
    setTimeout(() => { blinking = false; show(); }, 130);
    setTimeout(blink, 2000 + 4000 * Math.random());
}
setTimeout(blink, 1500);
async function listen() {
    const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
    const context = new AudioContext(), meter = context.createAnalyser();
    context.createMediaStreamSource(sound).connect(meter);
    const wave = new Float32Array(meter.fftSize);
    setInterval(() => {
        meter.getFloatTimeDomainData(wave);
        const loud = Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length);
        const was = talking;
        talking = loud > (was ? 0.012 : 0.02);
        if (talking !== was) show();
    }, 50);
}
function pretend() { talking = Math.random() < 0.6; show(); setTimeout(pretend, 120); }
if (new URLSearchParams(location.search).get("talk") === "auto") pretend();
else listen().catch(() => {});
</script>
"""
