"""The illustrator draws what its landmarks say."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshot.formats.files import read_landmarks
from faceshot.landmarks.topology import FLIP, PARTS
from faceshot_gallery import build, sheets
from faceshot_gallery.around import effects
from faceshot_gallery.cast import guests as cast_guests
from faceshot_gallery.cast.casting import FURRY, cast
from faceshot_gallery.cast.variety import settled, unheard_of, vary
from faceshot_gallery.illustrator import DOMAINS, HELD_OUT, STYLES, Drawing, Expression, Pose, character, draw, sample
from faceshot_gallery.parts.anatomy import Anatomy, Projector
from faceshot_gallery.parts.hats import HATS
from faceshot_gallery.parts.marks import MARKS
from faceshot_gallery.parts.props import Props
from faceshot_gallery.parts.surfaces import SURFACES
from faceshot_gallery.parts.traits import Character, Dice

SHIPPED = Path(build.__file__).parent / "domains"
SYMMETRIC = Pose()


def at_rest(domain: str, seed: int = 3, expression: Expression | None = None, pose: Pose = SYMMETRIC) -> Drawing:
    return draw(character(domain, seed, style="flat"), expression, pose, size=128)


def symmetric(domain: str, seed: int = 3):
    """A character without the deliberate asymmetries (crooked mouth, one bigger eye)."""
    who = character(domain, seed, style="flat")
    return replace(who, mouth=replace(who.mouth, x=0.0, tilt=0.0), eyes=replace(who.eyes, size_left=1.0))


def test_there_is_a_wide_cast():
    wanted = {"person", "anime", "cat", "dog", "bear", "fox", "rabbit", "monkey", "bird", "frog", "robot", "monster"}
    assert wanted | {"plush", "statue", "smiley", "pumpkin"} <= set(DOMAINS)
    assert len(STYLES) == 7


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_draws_in_every_style(domain: str):
    pictures = [draw(character(domain, 1, style=style), size=64).rgb for style in STYLES]
    assert all(p.shape == (64, 64, 3) and p.dtype == np.uint8 and p.std() > 4 for p in pictures)
    apart = [np.abs(a.astype(int) - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 0.5, "two styles look the same"


@pytest.mark.parametrize("make", [lambda: at_rest("fox"), lambda: sample(11), lambda: build.gallery_picture("owl", 4)])
def test_same_seed_same_picture(make):
    a, b = make(), make()
    assert np.array_equal(a.rgb, b.rgb)
    assert a.landmarks == b.landmarks


def test_other_seed_other_picture():
    assert not np.array_equal(sample(1).landmarks.xy, sample(2).landmarks.xy)
    assert character("cat", 1) != character("cat", 2)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("seed", range(4))
def test_landmarks_are_in_anatomical_order(domain: str, seed: int):
    who = symmetric(domain, seed)
    x, y = draw(who, Expression(jaw_open=0.3), size=64).landmarks.xy.T
    assert x[:8].max() < x[8] < x[9:17].min(), "the outline runs from image left to image right"
    assert np.all(np.diff(y[:9]) > -1e-3) and np.all(np.diff(y[8:17]) < 1e-3), "down to the chin and up again"
    assert x[37] < x[38] and x[43] < x[44] and x[36:42].max() < x[42:48].min()
    assert x[36] < x[39] < x[42] < x[45]
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert y[upper] < y[lower], "the upper lid lies above the lower one"
    assert np.all(np.diff(x[17:22]) > 0) and np.all(np.diff(x[22:27]) > 0)
    assert y[17:27].max() < max(y[36], y[45]), "brows lie above the eye corners"
    assert np.all(np.diff(y[27:31]) > 0) and np.all(np.diff(x[31:36]) > 0)
    assert np.all(np.diff(x[48:55]) > 0) and np.all(np.diff(x[54:60]) < 0) and x[59] > x[48]
    for outer_up, inner_up, inner_low, outer_low in ((50, 61, 67, 58), (51, 62, 66, 57), (52, 63, 65, 56)):
        assert y[outer_up] < y[inner_up] < y[inner_low] < y[outer_low]
    assert y[62] > y[30] and y[57] < y[8] + 1e-3, "nose, mouth, chin from top to bottom"


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_frontal_face_is_mirror_symmetric(domain: str):
    marks = draw(symmetric(domain), size=128).landmarks
    assert np.abs(marks.flipped().xy - marks.xy).max() < 0.01
    assert np.array_equal(marks.xy[list(FLIP)][list(FLIP)], marks.xy)


def test_yaw_left_is_the_mirror_of_yaw_right():
    who = symmetric("person")
    a, b = (draw(who, pose=Pose(yaw=yaw), size=128).landmarks for yaw in (15, -15))
    assert np.abs(a.flipped().xy - b.xy).max() < 0.01
    assert np.abs(a.xy - b.xy).max() > 5
    eye_widths = np.linalg.norm(a.xy[[39, 45]] - a.xy[[36, 42]], axis=1)
    assert eye_widths[1] < eye_widths[0], "the far eye is narrower"


@pytest.mark.parametrize("domain", [d for d in DOMAINS if character(d, 3).eyes.kind != "arc"])
def test_closed_eyes_have_no_lid_gap(domain: str):
    def gaps(drawing: Drawing) -> np.ndarray:
        p = drawing.landmarks.xy
        return np.array([np.abs(p[a] - p[b]).max() for a, b in ((37, 41), (38, 40), (43, 47), (44, 46))])

    rest, shut = at_rest(domain), at_rest(domain, expression=Expression(right_eye_open=0, left_eye_open=0))
    assert np.all(gaps(shut) < 0.02 * gaps(rest)), (gaps(shut), gaps(rest))
    wink = at_rest(domain, expression=Expression(right_eye_open=0))
    assert np.allclose(wink.landmarks.xy[42:48], rest.landmarks.xy[42:48])


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_open_jaw_parts_the_inner_lips(domain: str):
    def gap(jaw: float) -> float:
        p = at_rest(domain, expression=Expression(jaw_open=jaw)).landmarks.xy
        return float(p[66, 1] - p[62, 1])

    assert gap(0.5) > gap(0.0) + 0.5
    assert gap(1.0) >= gap(0.5)


@pytest.mark.parametrize(
    ("move", "points", "direction"),
    [
        pytest.param(Expression(right_brow=1), slice(17, 22), (0, -1), id="right brow up"),
        pytest.param(Expression(left_brow=1), slice(22, 27), (0, -1), id="left brow up"),
        pytest.param(Expression(smile=1), slice(57, 58), (0, 1), id="a smile lowers the middle against the corners"),
        pytest.param(Expression(mouth_wide=1), slice(54, 55), (1, 0), id="wide mouth"),
        pytest.param(Expression(lip_round=1), slice(54, 55), (-1, 0), id="round lips"),
    ],
)
def test_expressions_move_their_points(move: Expression, points: slice, direction: tuple[int, int]):
    who = symmetric("person")
    rest, moved = (draw(who, e, size=256).landmarks.xy for e in (Expression(), move))
    step = (moved - rest)[points] @ np.array(direction)
    assert step.min() > 1.0
    still = [i for i in range(68) if i not in range(68)[points]]
    if points.start < 48:
        assert np.abs(moved - rest)[still].max() < 1e-4


@pytest.mark.parametrize("style", ["flat", "outline", "soft3d"])
def test_a_shift_moves_pixels_and_landmarks_alike(style):
    who = character("fox", 2, style=style)
    a = draw(who, pose=Pose(scale=0.6), size=128, background="none")
    b = draw(who, pose=Pose(scale=0.6, dx=10 / 128, dy=-6 / 128), size=128, background="none")
    assert np.allclose(b.landmarks.xy - a.landmarks.xy, [10, -6], atol=1e-3)
    moved = np.roll(a.rgb.astype(int), (-6, 10), (0, 1))[12:-12, 12:-12]
    solid = b.alpha[12:-12, 12:-12] == 255
    assert np.abs(moved - b.rgb[12:-12, 12:-12])[solid].mean() < 1.0


def _eye_blob(drawing: Drawing) -> np.ndarray:
    """Centre of gravity of the bright green pixels."""
    r, g, b = (drawing.rgb[..., i].astype(int) for i in range(3))
    rows, columns = np.nonzero((g > 200) & (r < 60) & (b < 60))
    assert len(rows) > 20
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize(
    "pose",
    [Pose(), Pose(roll=25), Pose(roll=-12, scale=0.7, dx=0.1, dy=-0.05), Pose(yaw=18, pitch=6), Pose(roll=170)],
    ids=["rest", "roll", "moved", "turned", "upside down"],
)
def test_pixels_lie_where_the_landmarks_are(pose: Pose):
    """Paint only the image-right eye green: its pixels must be centred on its six landmarks."""
    who = character("smiley", 3, style="flat")
    eyes = replace(who.eyes, kind="dot", w=0.12, up=0.12, low=0.12, slant=0, dark=(0, 255, 0), shine=0, rim=0, lash=0.0)
    who = replace(who, eyes=eyes, skin=(200, 60, 60), blush=0.0, brows=replace(who.brows, shown=False), extras=())
    drawing = draw(who, Expression(right_eye_open=0.0), pose, size=256)
    # the closed right eye leaves a thin green line: look only near the left eye
    centre = drawing.landmarks.xy[42:48].mean(0)
    mask = np.hypot(*(np.indices((256, 256))[::-1].reshape(2, -1) - centre[:, None])).reshape(256, 256) < 25
    near = replace(drawing, rgb=np.where(mask[..., None], drawing.rgb, 128).astype(np.uint8))
    assert np.abs(_eye_blob(near) - centre).max() < 0.35


def test_a_matte_is_drawn_on_request():
    drawing = draw(character("cat", 5, style="flat"), size=128, background="none")
    assert drawing.alpha is not None and drawing.alpha[2, 2] == 0
    x, y = np.round(drawing.landmarks.xy[30]).astype(int)
    assert drawing.alpha[y, x] == 255
    assert draw(character("cat", 5, style="flat"), size=64).alpha is None


def test_absent_parts_are_named():
    smiley = at_rest("smiley")
    assert "nose" in smiley.landmarks.absent
    assert not smiley.landmarks.visible[27:36].any() and smiley.landmarks.visible[36:].all()
    assert set().union(*(sample(i, size=48).landmarks.absent for i in range(40))) <= set(PARTS)


@pytest.mark.parametrize("bad", [("dragon", None), ("cat", "oil")])
def test_unknown_names_are_refused(bad):
    with pytest.raises(ValueError, match="are"):
        character(bad[0], style=bad[1])


def test_samples_are_varied_and_quick():
    started = time.process_time()
    pictures = [sample(seed, size=128) for seed in range(60)]
    rate = len(pictures) / (time.process_time() - started)
    assert rate > 25, f"{rate:.0f} pictures per second of processor time"
    assert len({p.domain for p in pictures}) >= 16 and {p.style for p in pictures} == set(STYLES)
    widths = np.array([np.ptp(p.landmarks.xy[:, 0]) for p in pictures]) / 128
    assert widths.min() < 0.4 < 0.75 < widths.max()


# ---- what only training and held-out measuring see ------------------------------------------------------------------
def test_held_out_kinds_are_no_domains_and_draw_in_every_style():
    assert len(HELD_OUT) >= 2 and not set(HELD_OUT) & set(DOMAINS)
    assert not set(HELD_OUT) & {sample(i, size=48).domain for i in range(60)}
    for kind in HELD_OUT:
        pictures = [draw(character(kind, 1, style=style), size=64).rgb for style in STYLES]
        apart = [np.abs(a.astype(int) - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
        assert min(apart) > 0.5
        assert sample(4, size=64, domain=kind).domain == kind
        marks = draw(symmetric(kind), size=128).landmarks
        assert np.abs(marks.flipped().xy - marks.xy).max() < 0.01


def assert_order_of_a_face(who: Character, name: str) -> None:
    who = replace(who, mouth=replace(who.mouth, x=0.0, tilt=0.0))
    x, y = Anatomy(who, Expression(jaw_open=0.3)).points(Projector(who, Pose(), 128)).T
    assert x[:8].max() < x[8] < x[9:17].min(), f"{name}: outline"
    assert x[36] < x[39] < x[42] < x[45], f"{name}: eyes"
    assert y[17:27].max() < max(y[36], y[45]), f"{name}: brows"
    assert np.all(np.diff(y[27:31]) > 0) and np.all(np.diff(x[31:36]) > 0), f"{name}: nose"
    assert np.all(np.diff(x[48:55]) > 0) and y[62] < y[66], f"{name}: mouth"
    assert y[62] > y[30] and y[57] < y[8] + 1e-3, f"{name}: nose, mouth, chin from top to bottom"


@pytest.mark.parametrize("kind", [*DOMAINS, *HELD_OUT])
def test_training_characters_keep_the_order_of_a_face(kind: str):
    for seed in range(12):
        who = vary(cast(kind, seed, "flat", guests=True), Dice(seed, "vary"))
        assert_order_of_a_face(who, str(seed))


@pytest.mark.parametrize("kind", DOMAINS)
def test_the_unheard_of_keep_the_order_of_a_face(kind: str):
    shapes = set()
    for seed in range(12):
        who = settled(unheard_of(cast(kind, seed, "flat", guests=True), Dice(seed, "unheard of")))
        assert_order_of_a_face(who, str(seed))
        shapes.add((who.eyes.slant, who.head.q_bot))
    assert len(shapes) > 8


@pytest.mark.parametrize("kind", sorted(FURRY - {"monkey"}))
def test_outlines_of_animals_begin_above_the_eyes(kind: str):
    """A kind with another rule, seals until lately, measures the rule and not the model."""
    heads = [(c.head, c.eyes) for c in (cast(kind, seed) for seed in range(20))]
    above = np.median([eyes.y - head.side_y for head, eyes in heads])
    assert 0.05 < above < 0.5


def test_held_out_kinds_are_never_made_unheard_of(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> Character:
        raise AssertionError("a held-out kind must stay what it was when it was measured before")

    monkeypatch.setattr("faceshot_gallery.cast.variety.unheard_of", refuse)
    for seed in range(40):
        vary(cast(HELD_OUT[seed % 2], seed), Dice(seed, "vary"))
    with pytest.raises(AssertionError, match="held-out"):
        for seed in range(40):
            vary(cast(DOMAINS[seed % len(DOMAINS)], seed), Dice(seed, "vary"))


def test_guests_are_seen_in_training_only():
    drawn = [cast("cat", seed) for seed in range(30)]
    assert drawn == [character("cat", seed) for seed in range(30)]
    invited = [cast("cat", seed, guests=True) for seed in range(30)]
    assert 5 < sum(a != b for a, b in zip(drawn, invited, strict=True)) < 25
    assert set(cast_guests.GUESTS) <= set(DOMAINS)


_PIECES = sorted(name[3:] for name in dir(Props) if name[:3] in ("_b_", "_u_", "_o_"))


def _with(**changes) -> tuple[Drawing, Drawing]:
    """The same sitter without and with something."""
    who = symmetric("cartoon", 5)
    who = replace(
        who, style="soft3d", extras=(), markings=(), body_kind="shoulders", hair=replace(who.hair, kind="none")
    )
    pose = Pose(scale=0.6)
    return tuple(draw(w, pose=pose, size=96, background="plain") for w in (who, replace(who, **changes)))


@pytest.mark.parametrize("piece", [*_PIECES, *SURFACES])
def test_every_piece_shows_and_moves_no_landmark(piece: str):
    bare, dressed = _with(extras=(piece,))
    assert (np.abs(bare.rgb.astype(int) - dressed.rgb).max(2) > 12).sum() >= 6
    assert dressed.landmarks == bare.landmarks


@pytest.mark.parametrize("hat", sorted(HATS))
def test_every_hat_shows_and_leaves_the_eyes_free(hat: str):
    bare = _with()[0]
    who = symmetric("cartoon", 5)
    worn = _with(hair=replace(who.hair, kind=hat, line=-0.55, colour=(250, 0, 250)))[1]
    changed = np.abs(bare.rgb.astype(int) - worn.rgb).max(2) > 25
    assert changed.sum() > 60
    for x, y in np.round(bare.landmarks.xy[[41, 40, 47, 46, 57, 8]]).astype(int):
        assert not changed[y, x]


@pytest.mark.parametrize("mark", sorted(MARKS))
def test_every_marking_shows(mark: str):
    bare, marked = _with(markings=(mark,), skin2=(20, 20, 20))
    assert (np.abs(bare.rgb.astype(int) - marked.rgb).max(2) > 12).sum() >= 6


def test_bending_moves_the_picture_and_its_points_alike():
    points = np.array([[x, y] for y in (30, 64, 97) for x in (28, 70, 101)], float)
    rows, columns = np.indices((128, 128))
    for seed in range(6):
        d = Dice(seed, "bend")
        moved = []
        for point in points:
            blob = np.exp(-((columns - point[0]) ** 2 + (rows - point[1]) ** 2) / 18) * 255
            rgb = np.repeat(blob[..., None], 3, 2).astype(np.uint8)
            out, xy = effects.bend(rgb, points, Dice(seed, "bend"), 0.015)
            weight = out[..., 0].astype(float) ** 2
            centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
            moved.append(np.abs(centre - xy[np.flatnonzero((points == point).all(1))[0]]).max())
        assert max(moved) < 0.6, (seed, moved)
        assert np.abs(effects.bend(rgb, points, d, 0.015)[1] - points).max() > 1


@pytest.mark.parametrize("effect", [e for e, _ in (*effects.PRINTS, *effects.OVERLAYS)], ids=lambda e: e.__name__)
def test_prints_change_the_picture_and_not_its_layout(effect):
    rgb = at_rest("panda").rgb.astype(np.float32)
    a, b = effect(rgb.copy(), Dice(3)), effect(rgb.copy(), Dice(3))
    assert np.array_equal(a, b) and a.shape == rgb.shape and np.isfinite(a).all()
    assert np.abs(a - rgb).max() > 10
    soft, soft_a = (
        np.asarray(Image.fromarray(np.clip(p, 0, 255).astype(np.uint8)).convert("L").resize((24, 24))) for p in (rgb, a)
    )
    if effect.__name__ not in ("watermark", "bands"):
        assert np.corrcoef(soft.ravel(), soft_a.ravel())[0, 1] > 0.5, "still the same drawing"


def test_faces_stay_legible():
    night = (at_rest("panda").rgb * 0.06).astype(np.uint8)
    face = at_rest("panda").landmarks.xy.astype(float)
    assert effects.legible(night, face).std() > 3 * night.std()
    day = at_rest("panda").rgb
    assert np.array_equal(effects.legible(day, face), day)


def test_contact_sheets_show_every_kind(tmp_path: Path, repo: Path):
    sheets.main(["--out", str(tmp_path / "kinds"), "--kind", "seal"])
    with Image.open(tmp_path / "kinds" / "seal.webp") as picture:
        assert picture.size == (6 * 164 + 4, 2 * 164 + 4)
    assert (tmp_path / "kinds" / "seal.webp").stat().st_size <= sheets.LIMIT
    kinds = (*DOMAINS, *HELD_OUT)
    assert (repo / "docs" / "kinds.md").read_text(encoding="utf-8") == sheets.page("kinds", kinds)
    assert sorted(f.name for f in (repo / "docs" / "kinds").iterdir()) == sorted(
        f"{name}.webp" for name in (*kinds, *sheets.HARDER)
    )
    assert sum(f.stat().st_size for f in (repo / "docs" / "kinds").iterdir()) < 3e6


def test_the_shipped_gallery_is_what_build_makes(tmp_path: Path):
    build.build_domain(tmp_path, "smiley")
    made, shipped = (json.loads((f / "smiley" / "landmarks.json").read_text()) for f in (tmp_path, SHIPPED))
    assert [e["id"] for e in made["images"]] == [e["id"] for e in shipped["images"]]
    for a, b in zip(made["images"], shipped["images"], strict=True):
        assert a["absent"] == b["absent"] and a["file"] == b["file"]
        assert np.abs(np.array(a["points"]) - b["points"]).max() <= 0.02
        x, y = (np.asarray(Image.open(f / "smiley" / a["file"]).convert("RGB"), int) for f in (tmp_path, SHIPPED))
        assert np.abs(x - y).mean() < 1.5, a["id"]  # another OpenCV may smooth edges a little differently


def test_the_shipped_gallery_is_complete_and_small():
    assert sorted(f.name for f in SHIPPED.iterdir()) == sorted(DOMAINS)
    assert sum(f.stat().st_size for f in SHIPPED.rglob("*") if f.is_file()) < 12e6
    for domain in DOMAINS:
        data = json.loads((SHIPPED / domain / "landmarks.json").read_text())
        assert (data["schema"], data["scheme"], len(data["images"])) == (1, "ibug68", build.PER_DOMAIN)
        for entry in data["images"]:
            points = np.array(entry["points"])
            assert points.shape == (68, 2) and (SHIPPED / domain / entry["file"]).is_file()
            assert points.min() > 0 and points.max() < build.SIDE - 1
            assert set(entry["absent"]) <= set(PARTS)


# ---- the examples --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def maker(request: pytest.FixtureRequest):
    """``examples/make_examples.py`` as a module."""
    path = Path(__file__).parents[2] / "examples" / "make_examples.py"
    spec = importlib.util.spec_from_file_location("make_examples", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_examples"] = module
    request.addfinalizer(lambda: sys.modules.pop("make_examples"))
    spec.loader.exec_module(module)
    return module


def test_the_example_pictures_carry_their_truth(repo: Path, maker):
    for example in maker.EXAMPLES:
        marks = read_landmarks(repo / "examples" / f"{example.name}.landmarks.json")
        with Image.open(repo / "examples" / f"{example.name}.png") as picture:
            assert picture.size == tuple(marks.size) == (example.size, example.size)
            assert (picture.mode == "RGBA") == example.matte
        who = character(example.domain, example.seed, style=example.style)
        pose = build.framed(who, example.expression, Pose(example.roll, example.yaw), example.share, 0.55)
        truth = Anatomy(who, example.expression).points(Projector(who, pose, example.size))
        assert np.abs(truth - marks.xy).max() < 0.02


def test_the_actor_starts_at_rest_talks_blinks_and_moves(repo: Path, maker):
    truth = np.load(repo / "examples" / "actor.landmarks.npz")
    xy, fps = truth["xy"], Fraction(*truth["fps"].tolist())
    assert xy.shape == (maker.FRAMES, 68, 2) and fps == Fraction(30000, 1001)
    eyes = np.linalg.norm(xy[:, 45] - xy[:, 36], axis=1)
    lids = np.abs(xy[:, [37, 38, 43, 44], 1] - xy[:, [41, 40, 47, 46], 1]).mean(1) / eyes
    lips = np.linalg.norm(xy[:, 66] - xy[:, 62], axis=1) / eyes
    assert lids[0] > 0.9 * lids.max() and lips[0] < 0.01, "the first frame is the rest"
    assert lids.min() < 0.02 * lids[0], "blinks close fully"
    assert lips.max() > 0.15 and np.ptp(xy[:, 30], axis=0).min() > 10
    acts = maker.performance()
    drawings = maker.frames(maker.actor(), [acts[0], acts[77]])
    assert all(np.abs(d.landmarks.xy - xy[i]).max() < 0.02 for d, i in zip(drawings, (0, 77), strict=True))


def test_the_actor_clip_has_picture_and_sound_in_step(repo: Path, maker):
    import av

    with av.open(str(repo / "examples" / "actor.mp4")) as clip:
        assert clip.streams.video[0].average_rate == maker.FPS
        assert sum(1 for _ in clip.decode(video=0)) == maker.FRAMES
    with av.open(str(repo / "examples" / "actor.mp4")) as clip:
        sound = np.concatenate([f.to_ndarray().mean(0) for f in clip.decode(audio=0)])
        rate = clip.streams.audio[0].rate
    loud = np.array([np.abs(part).mean() for part in np.array_split(sound[: int(rate * 4)], maker.FRAMES)])
    jaw = np.array([e.jaw_open for e, _ in maker.performance()])
    assert np.corrcoef(loud, jaw)[0, 1] > 0.5
    assert (repo / "examples" / "actor.mp4").stat().st_size < 700_000
