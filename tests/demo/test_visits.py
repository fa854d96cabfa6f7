"""The page's functions without a browser: what visitors do, whose files are whose, how work is cancelled."""

from __future__ import annotations

import json
import os
import shlex
import threading
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from faceshot.demo import point_names, visits
from faceshot.demo.jobs import Cancelled, Job
from faceshot.demo.names import vocabulary
from faceshot.demo.sessions import Session, Sessions
from faceshot.demo.wish import Wish
from faceshot.driving import AMOUNTS, expression_timeline, motion_template, posed
from faceshot.errors import FaceShotError, InputError, UsageError
from faceshot.formats import read_content, read_sequence, write_landmarks
from faceshot.landmarks import Size, nme
from faceshot.landmarks.topology import FLIP, LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE
from faceshot.media import VideoWriter, read_frames, write_picture
from faceshot.pipeline import FaceShot, backends
from faceshot.progress import progress

FOX = Path(__file__).resolve().parents[2] / "examples" / "fox.png"


@pytest.fixture(scope="module")
def shot() -> FaceShot:
    return FaceShot()


@pytest.fixture
def sessions():
    with Sessions() as opened:
        yield opened


@pytest.fixture
def visitor(shot: FaceShot, sessions: Sessions) -> Session:
    session = sessions.of("one")
    visits.take_picture(shot, session, FOX)
    return session


def test_points_have_names_that_mirror() -> None:
    names = point_names()
    assert names[36] == "outer corner, right eye (37)" and names[45] == "outer corner, left eye (46)"
    assert names[8] == "chin (9)" and names[30] == "tip, nose (31)" and len(set(names)) == 68
    for i, j in enumerate(FLIP):
        swapped = names[i].rpartition(" (")[0].replace("right", "LEFT").replace("left", "right").replace("LEFT", "left")
        assert swapped == names[j].rpartition(" (")[0]


def test_the_editor_is_told_every_point_once() -> None:
    words = vocabulary()
    moved = sorted(i for part in words["parts"] for i in part["points"])
    assert moved == list(range(68)) and json.dumps(words)
    chin = next(anchor for anchor in words["anchors"] if anchor["name"] == "chin")
    assert max(chin["weights"]) == chin["weights"][8] == 1 and chin["weights"][0] == pytest.approx(0)


def test_a_picture_is_matched_and_shown(visitor: Session, sessions: Sessions) -> None:
    value = visits.editor_value(visitor)
    assert value["picture"]["width"] == 640 and len(value["landmarks"]["points"]) == 68
    assert value["landmarks"]["schema"] == "faceshot.landmarks" and value["landmarks"]["edited"] == []
    assert value["picture"]["src"].startswith(f"gradio_api/file={sessions.root}/{visitor.token}/")
    assert (visitor.folder / "picture" / "fox.png").read_bytes() == FOX.read_bytes()


def test_moved_points_reach_the_file_and_are_marked(visitor: Session) -> None:
    value = visits.editor_value(visitor)
    value["landmarks"]["points"][36] = [12.5, 34.25]
    value["landmarks"]["edited"] = [36]
    value["landmarks"]["absent"] = ["eyebrows"]
    visits.take_edit(visitor, value)
    content = read_content(visits.landmark_file(visitor))
    assert content.xy[36].tolist() == [12.5, 34.25] and content.edited == (36,) and list(content.absent) == ["eyebrows"]


@pytest.mark.parametrize("broken", [{}, {"points": [[0, 0]] * 67}, {"edited": [68]}, {"absent": ["tail"]}])
def test_what_is_no_landmarks_is_refused(visitor: Session, broken: dict) -> None:
    value = visits.editor_value(visitor)
    value["landmarks"] = {**value["landmarks"], **broken} if broken else None
    before = visitor.landmarks
    with pytest.raises(FaceShotError):
        visits.take_edit(visitor, value)
    assert visitor.landmarks is before


def test_three_clicks_place_a_face(shot: FaceShot, visitor: Session) -> None:
    assert visitor.landmarks is not None
    xy, truth = visitor.landmarks.xy, visitor.landmarks
    eyes = [xy[list(eye)].mean(0).tolist() for eye in (RIGHT_EYE, LEFT_EYE)]
    mouth = xy[list(MOUTH_CORNERS)].mean(0).tolist()
    for clicks in ([*eyes, mouth], [*eyes[::-1], mouth]):  # whichever eye comes first
        visits.take_clicks(shot, visitor, clicks)
        placed = visitor.landmarks.xy
        assert np.abs(placed[list(MOUTH_CORNERS)].mean(0) - mouth).max() < 0.3
        assert np.abs(placed[list(RIGHT_EYE)].mean(0) - eyes[0]).max() < 0.3
        assert nme(placed, truth.xy) < 0.08
    with pytest.raises(UsageError, match="three clicks"):
        visits.take_clicks(shot, visitor, eyes)


def test_nothing_found_asks_for_clicks(shot: FaceShot, sessions: Sessions, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(90, 130, (96, 96, 3), dtype=np.uint8)
    write_picture(tmp_path / "wall.png", noise)
    value = visits.take_picture(shot, sessions.of("one"), tmp_path / "wall.png")
    assert value["ask"] == "clicks" and "click both eyes" in value["note"].lower()


def test_several_faces_can_be_chosen(shot: FaceShot, sessions: Sessions, tmp_path: Path) -> None:
    from faceshot.media import read_picture

    rgb = read_picture(FOX).flat()
    write_picture(tmp_path / "two.png", np.concatenate([rgb, rgb], axis=1)[::2, ::2])
    session = sessions.of("one")
    value = visits.take_picture(shot, session, tmp_path / "two.png")
    assert value["ask"] == "face" and len(value["faces"]) == 2
    middles = []
    for k in (0, 1):
        assert visits.choose_face(session, k)["chosen"] == k
        middles.append(session.landmarks.xy[:, 0].mean() // 320)
    assert middles == [0, 1]
    with pytest.raises(UsageError):
        visits.choose_face(session, 2)


def test_landmarks_from_a_file(visitor: Session, tmp_path: Path) -> None:
    moved = visitor.landmarks.xy + 3
    write_landmarks(tmp_path / "a.json", type(visitor.landmarks)(moved, visitor.landmarks.size), edited=[5])
    value = visits.take_landmarks(visitor, tmp_path / "a.json")
    assert np.allclose(value["landmarks"]["points"], moved, atol=1e-3) and value["landmarks"]["edited"] == [5]
    write_landmarks(tmp_path / "b.json", visitor.landmarks.resized((64, 64)))
    with pytest.raises(UsageError, match=r"64x64.*640x640"):
        visits.take_landmarks(visitor, tmp_path / "b.json")


def test_motions_move_on_this_face(shot: FaceShot, visitor: Session) -> None:
    cards = visits.motion_cards(shot, visitor)["motions"]
    assert len(cards) == 8
    path = visitor.folder / Path(cards[1]["src"]).relative_to(f"gradio_api/file={visitor.folder}")
    frames = list(read_frames(path))
    assert max(frames[0].shape) <= 160 and np.abs(frames[0].astype(int) - frames[len(frames) // 2]).max() > 40


def test_sliders_give_frames(shot: FaceShot, visitor: Session) -> None:
    still, smiling = visits.pose(shot, visitor, {}), visits.pose(shot, visitor, {"smile": 1.0, "blink_left": 1.0})
    assert still.startswith("data:image/jpeg;base64,") and still != smiling
    assert visits.pose(shot, visitor, {}) == still  # nothing is left of an expression
    assert visits.pose(shot, visitor, {"gaze_x": 1.0}) not in (still, visits.pose(shot, visitor, {"gaze_x": -1.0}))
    with pytest.raises(UsageError, match="unknown expression"):
        visits.pose(shot, visitor, {"ears": 1.0})


def test_expressions_do_what_they_say() -> None:
    rest = posed({}).xy[1]
    assert np.array_equal(rest, posed({}).xy[0])
    for name, (_, high) in AMOUNTS.items():
        shown = posed({name: high})
        assert np.abs(shown.xy[1] - rest).max() >= 4 or np.all(shown.expression.gaze[1, :, 0] > 0.2), name
    blink = posed({"blink_right": 1.0}).xy[1]
    assert abs(blink[37, 1] - blink[41, 1]) < 1 and np.array_equal(blink[43], rest[43])
    assert posed({"jaw": 1.0}).xy[1][8, 1] > rest[8, 1] + 20
    for bad in ({"jaw": 2}, {"jaw": float("nan")}, {"jaw": "1"}, {"jaw": True}):
        with pytest.raises(UsageError, match="jaw must be a number from 0 to 1"):
            posed(bad)


def test_a_timeline_reaches_its_keys() -> None:
    clip = expression_timeline([(1.0, {}), (0.5, {"jaw": 1.0})], fps=Fraction(20))
    assert len(clip) == 21 and clip.rest == 0
    assert np.allclose(clip.xy[10], posed({"jaw": 1.0}).xy[1]) and np.allclose(clip.xy[20], clip.xy[0])
    for keys in ([], [(0, {})], [(1, {}), (1, {})], [(61, {})]):
        with pytest.raises(UsageError):
            expression_timeline(keys)


def test_the_command_makes_the_same_video(shot: FaceShot, visitor: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot.cli import main

    wish = Wish(visitor.source, visits.landmark_file(visitor), motion="wink", seconds=0.5, gain={"head": 0.5})
    made = visits.animate(shot, visitor, wish)
    files = [path.name for path in visits.files_of(made)]
    assert files == ["fox.mp4", "drive.npz", "fox.landmarks.json", "fox.mp4.json", "moved.npz"]
    monkeypatch.chdir(made.output.parent)
    (made.output.parent / "fox.png").write_bytes(FOX.read_bytes())
    words = shlex.split(wish.command())
    assert words[:3] == ["faceshot", "animate", "fox.png"] and "--gain" in words
    assert main([*words[1:-1], "again.mp4", "--quiet", "--save-sequence", "again.npz"]) == 0
    assert np.allclose(read_sequence("again.npz").xy, made.sequence.xy, atol=2e-3)
    assert "motion='wink'" in wish.snippet() and compile(wish.snippet(), "snippet", "exec")


def test_visitors_see_their_own_files_only(shot: FaceShot, sessions: Sessions) -> None:
    one, two = sessions.of("one"), sessions.of("two")
    assert one is sessions.of("one") and one.folder != two.folder and len(one.token) == 32
    visits.take_picture(shot, one, FOX)
    assert two.picture is None and sessions.by_token(two.token) is two and sessions.by_token("") is None
    with pytest.raises(UsageError, match="no picture yet"):
        two.ready()
    sessions.close("one")
    assert not one.folder.exists() and two.folder.exists() and FOX.exists() and sessions.by_token(one.token) is None


def test_a_closing_visitor_takes_nothing_from_another(sessions: Sessions) -> None:
    upload = sessions.uploads / "hash" / "fox.png"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(FOX.read_bytes())
    one, two = sessions.of("one"), sessions.of("two")
    one.keep(upload, "picture")
    sessions.close("one")
    two.keep(upload, "picture")  # the same content is the same file
    os.utime(upload, (0, 0))
    sessions.close("nobody")
    assert upload.exists()
    sessions.close("two")
    assert not upload.exists()


def test_names_of_uploads_are_tamed(sessions: Sessions, tmp_path: Path) -> None:
    odd = tmp_path / "a'<b>$(x);é.png"
    odd.write_bytes(FOX.read_bytes())
    kept = sessions.of("one").keep(odd, "picture")
    assert kept.name == "a__b__(x)_é.png" and kept.parent == sessions.of("one").folder / "picture"


def test_teaching_adds_a_domain(visitor: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot.gallery import find_domain

    monkeypatch.setenv("FACESHOT_DATA", str(tmp_path))
    assert "axolotl is in your gallery" in visits.teach(visitor, " axolotl ")
    assert len(find_domain("axolotl", "user").pictures) == 1
    with pytest.raises(InputError, match="exists"):
        visits.teach(visitor, "axolotl")


def test_work_tells_how_far_it_is_and_can_be_cancelled() -> None:
    job = Job(lambda: sum(progress(range(5), "count", total=5)))
    assert [label for label, _, _ in job.steps()] in ([], ["starting"], ["count"]) and job.result == 10
    gone, seen = threading.Event(), threading.Event()

    def work() -> None:
        try:
            for _ in progress(iter(int, 1), "forever"):
                seen.set()
        except Cancelled:
            gone.set()
            raise

    steps = Job(work).steps(every=0.01)
    next(steps)
    assert seen.wait(20)
    steps.close()
    assert gone.wait(20)
    with pytest.raises(InputError, match="no"):
        list(Job(_fail).steps())


def _fail() -> None:
    raise InputError("no")


def test_sequences_are_checked(visitor: Session, tmp_path: Path) -> None:
    from faceshot.formats import write_sequence

    write_sequence(tmp_path / "d.npz", motion_template("nod", seconds=0.5))
    assert visits.sequence_file(visitor, tmp_path / "d.npz").parent == visitor.folder / "drive"
    (tmp_path / "e.npz").write_bytes(b"PK")
    with pytest.raises(InputError):
        visits.sequence_file(visitor, tmp_path / "e.npz")


def test_toasts_are_one_line_without_folders(sessions: Sessions) -> None:
    from faceshot.demo.handlers import Handlers, toasting

    session = sessions.of("one")

    @toasting
    def fails(self: Handlers) -> None:
        raise InputError(f"clip {session.folder / 'drive' / 'me <b>.mp4'} is\n empty")

    with pytest.raises(Exception, match=r"^'clip me &lt;b&gt;.mp4 is empty'$"):
        fails(Handlers(FaceShot(), sessions, (None, None)))


def test_twenty_visitors_do_not_mix(shot: FaceShot, sessions: Sessions, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from faceshot.media import read_picture

    rgb = read_picture(FOX).flat()[::2, ::2]
    still = shot.match(rgb).landmarks.xy

    def visit(k: int) -> float:
        path = tmp_path / f"fox{k}.png"
        write_picture(path, np.pad(rgb, ((0, 0), (8 * k, 0), (0, 0)), mode="edge"))
        session = sessions.of(f"visitor {k}")
        visits.take_picture(shot, session, path)
        marks = session.landmarks
        visits.take_edit(session, {"landmarks": visits.editor_value(session)["landmarks"]})
        made = visits.animate(
            shot, session, Wish(session.source, visits.landmark_file(session), motion="wink", seconds=0.5)
        )
        assert made.output.is_relative_to(session.folder) and next(read_frames(made.output)).shape[1] == 320 + 8 * k
        return float(np.abs(marks.xy - still - [8 * k, 0]).mean())

    with ThreadPoolExecutor(20) as pool:
        assert max(pool.map(visit, range(20))) < 8


def test_a_wish_says_face_sticker_and_backend() -> None:
    wish = Wish(Path("fox.png"), Path("fox.json"), driving=Path("a.mp4"), face="2", sticker="whatsapp", suffix=".webp")
    assert wish.options()["face"] == 2 and wish.options()["sticker"] == "whatsapp"
    assert "--face 2 --sticker whatsapp -o fox.webp" in wish.command()
    assert "backend='mofa'" in Wish(Path("a.png"), Path("a.json"), motion="nod", backend="mofa").snippet()
    assert "face" not in Wish(Path("a.png"), Path("a.json"), motion="nod", face="left").options()
    for nothing in (None, "", " "):
        assert "face" not in Wish(Path("a.png"), Path("a.json"), driving=Path("a.mp4"), face=nothing).options()


INK = """
class Backend:
    name, summary, licence, commercial = "ink", "for this test", "MIT", True
    def requires(self):
        return []
    def load(self, options):
        pass
    def animate(self, picture, landmarks, sequence, options):
        for k in range(len(sequence.xy)):
            frame = picture.rgb.copy()
            frame[:, :] = 10 * k
            yield frame
"""


def test_a_renderer_of_choice_draws(
    shot: FaceShot, visitor: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in that inks every frame darker or lighter is what the result shows, and the shared matcher stays."""
    from importlib.metadata import EntryPoint

    (tmp_path / "ink_for_faceshot.py").write_text(INK)
    monkeypatch.syspath_prepend(tmp_path)
    ink = EntryPoint("ink", "ink_for_faceshot:Backend", "faceshot.backends")
    installed = backends._entry_points()
    monkeypatch.setattr(backends, "_entry_points", lambda: {**installed, "ink": ink})
    _ = shot.matcher
    assert shot.with_backend("ink").matcher is shot.matcher and shot.backend_name == "warp"
    wish = Wish(visitor.source, visits.landmark_file(visitor), motion="nod", seconds=0.5, backend="ink")
    grey = [frame.mean() for frame in read_frames(visits.animate(shot, visitor, wish).output)]
    assert np.abs(np.array(grey) - 10 * np.arange(15)).max() < 3
    wish = Wish(visitor.source, visits.landmark_file(visitor), motion="nod", backend="nobody")
    with pytest.raises(UsageError, match="unknown backend 'nobody'"):
        visits.animate(shot, visitor, wish)


def test_of_several_faces_in_a_clip_one_drives(shot: FaceShot, visitor: Session, tmp_path: Path) -> None:
    """Left the actor at rest, right the same actor talking: what drives is what was chosen."""
    frames = [frame[::2, ::2] for frame in islice(read_frames(FOX.parent / "actor.mp4"), 30, 60)]
    clip = tmp_path / "two.mp4"
    with VideoWriter(clip, Size(2 * frames[0].shape[1], frames[0].shape[0]), Fraction(30)) as writer:
        for frame in frames:
            writer.write(np.concatenate([frames[0], frame], axis=1))
    moved = {}
    for face in ("left", "2"):
        wish = Wish(visitor.source, visits.landmark_file(visitor), driving=clip, face=face, source="track", stop="20")
        xy = visits.animate(shot, visitor, wish).sequence.xy
        moved[face] = float(np.abs(xy - xy[0]).mean())
    assert moved["left"] < 0.25 * moved["2"] and moved["2"] > 0.5


def test_an_edit_that_changes_nothing_costs_nothing(shot: FaceShot, visitor: Session) -> None:
    """What draws the sliders' frames was made once; only landmarks that moved make it anew."""
    held = visits.editor_value(visitor)["landmarks"]
    visits.take_edit(visitor, {"landmarks": held})
    visits.pose(shot, visitor, {"jaw": 0.5})
    poser = visitor.poser
    visits.take_edit(visitor, {"landmarks": held})
    assert poser is not None and visitor.poser is poser
    held["points"][30][0] += 3
    visits.take_edit(visitor, {"landmarks": held})
    assert visitor.poser is None
