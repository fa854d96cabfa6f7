"""``faceshot live``: a character that moves as you do, at once."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceshot.cli.typed.options import (
    CONSENT,
    UNSIGNED,
    Common,
    GalleryFlag,
    NoProvenanceFlag,
    PresetFlag,
    load_shot,
    with_common,
)
from faceshot.cli.typed.values import parse_face
from faceshot.errors import UsageError

if TYPE_CHECKING:
    from faceshot.live import Character, Live
    from faceshot.pipeline import FaceShot

_Pictures = Annotated[
    list[Path] | None, typer.Argument(metavar="PICTURE...", help="Characters; keys 1 to 9 change between them.")
]
_Camera = Annotated[
    str,
    typer.Option(metavar="N|FILE", help="Camera by its number, a clip that plays as one, or a file of faceshot drive."),
]


@with_common()
def live(
    common: Common,
    picture: _Pictures = None,
    camera: _Camera = "0",
    loop: Annotated[bool, typer.Option("--loop", help="Begin a file again at its end.")] = False,
    landmarks: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Of the characters, in their order, instead of matching (may be repeated)."),
    ] = None,
    size: Annotated[int, typer.Option(metavar="PX", min=64, max=2048, help="Longer side of the frames.")] = 512,
    preview: Annotated[
        bool, typer.Option("--preview/--no-preview", help="A page on this machine; its address is printed.")
    ] = True,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Of the page; 0 for any.")] = 7870,
    osc: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Send blendshapes and head by VMC, e.g. 127.0.0.1:39539.")
    ] = None,
    record: Annotated[Path | None, typer.Option(metavar="VIDEO", help="Also write a video.")] = None,
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Also be a camera for other programs (pip install pyvirtualcam).")
    ] = False,
    seconds: Annotated[float | None, typer.Option(metavar="S", min=0.1, help="End after so long.")] = None,
    face: Annotated[
        str | None, typer.Option(metavar="largest|left|right|N|L,T,R,B", help="Which person in front of the camera.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="face_landmarker.task, instead of the one that is fetched.")
    ] = None,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
    no_provenance: NoProvenanceFlag = False,
) -> None:
    """Move a character with your face, at once: webcam in, a page, a video, a virtual camera and VMC out.

    Look straight at the camera with a neutral face at the start, or press n (in the terminal or on the page). Keys
    j s a u f d hold joy, sadness, anger, surprise, fear, disgust; space ends them; 1 to 9 change the character; q ends.
    """
    from faceshot.live import parse_address, require_osc
    from faceshot.media import check_format
    from faceshot.output import check_outputs
    from faceshot.provenance import manifests, require_signer, unsigned

    pictures = picture or []
    if not pictures:
        raise UsageError("which character? For example: faceshot live cat.png")
    if landmarks and len(landmarks) != len(pictures):
        raise UsageError(f"--landmarks is given {len(landmarks)} times, for {len(pictures)} characters")
    address = None if osc is None else parse_address(osc)
    if address is not None:
        require_osc()
    inputs = [*pictures, *(landmarks or []), model, Path(camera)]
    if record is not None:
        check_format(record)
        with unsigned(off=no_provenance):
            check_outputs([record, *manifests(record)], overwrite=common.overwrite, inputs=inputs)
            require_signer()
    shot = load_shot(common, preset=preset, gallery=gallery)
    characters = _characters(shot, pictures, landmarks or [], size)
    follow, source = _source(common, camera, loop, model, parse_face(face) or "largest")
    from faceshot.live import Live

    running = Live(characters, source, follow=follow)
    with ExitStack() as stack:
        stack.enter_context(unsigned(off=no_provenance))
        report = _outputs(
            common, stack, running, pictures,
            port=port if preview else None, address=address, record=record, virtual=virtual_camera,
        )(seconds)  # fmt: skip
    rate = report.frames / report.seconds if report.seconds else 0.0
    result = {
        "frames": report.frames, "seconds": round(report.seconds, 2), "fps": round(rate, 2),
        "skipped": report.skipped, "latency_ms": round(report.latency_ms, 1),
        "latency_p95_ms": round(report.latency_p95_ms, 1), "record": None if record is None else str(record),
    }  # fmt: skip
    if record is not None and no_provenance:
        common.say(f"{record.name} is {UNSIGNED}")
    common.say(f"{report.frames} frames, {rate:.1f} a second, {report.latency_ms:.0f} ms behind the camera")
    common.give(result, [] if record is None else [str(record)])


def _characters(shot: FaceShot, pictures: list[Path], landmarks: list[Path], side: int) -> list[Character]:
    from faceshot.live import prepared
    from faceshot.pipeline import as_landmarks, as_picture

    shown = [as_picture(path) for path in pictures]
    given = [as_landmarks(path, one.size, picture=one.name) for path, one in zip(landmarks, shown, strict=False)]
    marks = given or [shot.match(one).landmarks for one in shown]
    return [prepared(one, points, side) for one, points in zip(shown, marks, strict=True)]


def _source(common: Common, camera: str, loop: bool, model: Path | None, face: Any) -> tuple[Any, Any]:
    """What moves, and what finds the face in it; the network first, so that a camera is not held for nothing."""
    from faceshot.formats import is_landmark_file
    from faceshot.live import open_source

    follow = None
    if not is_landmark_file(camera):
        from faceshot.facemesh import FaceMesh, FaceStream, require_runtime
        from faceshot.weights import locate

        require_runtime()
        mesh = FaceMesh(locate("face_landmarker", path=model, offline=common.offline, cache_dir=common.cache_dir))
        follow = FaceStream(mesh, face)
    return follow, open_source(camera, loop=loop)


def _outputs(
    common: Common,
    stack: ExitStack,
    running: Live,
    pictures: list[Path],
    *,
    port: int | None,
    address: tuple[str, int] | None,
    record: Path | None,
    virtual: bool,
) -> Any:
    """Everything that frames go to, and the loop itself as a function."""
    from dataclasses import asdict

    from faceshot.live import KEYS, Preview, Recording, VirtualCamera, VmcSender, pressed
    from faceshot.pipeline import DIGITAL_SOURCE_TYPE
    from faceshot.provenance import signed

    names = [path.name for path in pictures]
    size = running.characters[0].picture.size
    if address is not None:
        sender = VmcSender(*address)
        stack.callback(sender.close)
        running.outputs.append(lambda _, seen, __: None if seen is None else sender.send(seen, running.rest_head))
    if virtual:
        camera = VirtualCamera(size, running.source.fps)
        stack.callback(camera.close)
        running.outputs.append(lambda frame, *_: camera.send(frame))
    if record is not None:
        rate = Fraction(running.source.fps).limit_denominator(1001)
        about = {"digital_source_type": DIGITAL_SOURCE_TYPE}
        stack.enter_context(signed(record, about, pictures, overwrite=common.overwrite))
        video = stack.enter_context(Recording(record, size, rate, overwrite=common.overwrite))
        running.outputs.append(lambda frame, _, moment: video.write(frame, moment))
    if port is not None:
        page = Preview(port, do=running.do, characters=names, state=lambda: asdict(running.report()))
        stack.enter_context(page)
        running.outputs.append(lambda frame, *_: page.show(frame))
        typer.echo(page.address, err=common.as_json)
        sys.stdout.flush()
    keys = {**KEYS, **{str(k): f"character:{k}" for k in range(1, min(len(names), 9) + 1)}}
    heard = stack.enter_context(pressed(running.do, keys))
    common.say(f"Ctrl-C ends it{'; keys: n neutral, q end, ...' if heard else ''}")
    stopped = threading.Event()
    stack.callback(stopped.set)
    threading.Thread(target=_tell, args=(common, running, stopped), name="tell", daemon=True).start()

    def run(seconds: float | None) -> Any:
        try:
            return running.run(seconds=seconds)
        except KeyboardInterrupt:
            return running.report()

    return run


def _tell(common: Common, running: Live, stopped: threading.Event) -> None:
    """How it goes, every five seconds."""
    while not stopped.wait(5):
        report = running.report()
        lost = "" if report.seen else ", no face"
        common.say(f"{report.fps:.1f} frames/s, {report.latency_ms:.0f} ms, {report.skipped} skipped{lost}")


live.__doc__ = f"{live.__doc__}\n\n{CONSENT}"
