"""The MOFA backend from picture to frames, with tiny networks: windows, interruptions, what is computed when."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.pipeline.backends import AnimationOptions
from faceshot.rendering.place import without_gaps
from faceshot.rendering.resume import Work, digest
from faceshot.rendering.sampling import Final, decoded, draw_noise, run_window
from faceshot.rendering.windows import sequential_windows
from faceshot_mofa import Backend
from faceshot_mofa.estimate import estimate
from faceshot_mofa.features import Features
from faceshot_mofa.networks import DECODE_FRAMES
from faceshot_mofa.options import parse_options
from faceshot_mofa.pipeline import Renderer, Script
from faceshot_mofa.sampling import Denoiser
from tests.adapters.mofa.tiny import tiny_networks
from tests.helpers import face_points

SIDE = 64
#: Six frames (the anchor is one of them) in windows of three: four windows that overlap by one.
FRAMES = 6
BASE = {"steps": 2, "window": 3, "overlap": 1}
UPSTREAM = {"steps": 2, "window": 3, "fidelity": "upstream"}
#: Fewer windows, and longer ones.
LONG = {"steps": 1, "window": 5, "overlap": 2}


def options_of(extra):
    """Parsed, at a quarter of the smallest working size that users are offered: the tests are about other things."""
    return replace(parse_options(extra), size=SIDE)


@pytest.fixture(scope="module")
def networks():
    return tiny_networks()


def moving(frames, width=SIDE, height=SIDE, still=0):
    """Landmarks of a picture and a sequence that begins there and walks away, mouth opening."""
    rest = face_points(0.8 * min(width, height)) + np.float32([5, 5])
    xy = np.stack([rest + np.float32([0.6 * i, -0.3 * i]) for i in range(frames)])
    xy[:, 56:59, 1] += 0.5 * np.arange(frames)[:, None] % 4
    size = Size(width, height)
    return Landmarks(rest, size), LandmarkSequence(xy.astype(np.float32), size, Fraction(25))


def picture(width=SIDE, height=SIDE, matte=False):
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    alpha = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (0.45 * min(width, height)) ** 2, 255, 0)
    return Picture(rgb, alpha.astype(np.uint8) if matte else None)


def render(networks, frames, seed=0, image=None, **extra):
    image = image or picture()
    landmarks, sequence = moving(frames, *image.size)
    renderer = Renderer(networks, options_of({**BASE, **extra}))
    return list(renderer.render(image, landmarks, sequence, seed))


@pytest.fixture(scope="module")
def reference(networks, tmp_path_factory):
    """Frames of an uninterrupted run."""
    return np.stack(render(networks, FRAMES, work=tmp_path_factory.mktemp("reference")))


# --- frames --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fidelity", ["corrected", "upstream"])
@pytest.mark.parametrize("frames", [1, 2, 6])
def test_any_length_gives_as_many_frames(networks, tmp_path, frames, fidelity):
    options = options_of({**(BASE if fidelity == "corrected" else UPSTREAM), "steps": 1, "work": tmp_path})
    landmarks, sequence = moving(frames)
    found = list(Renderer(networks, options).render(picture(), landmarks, sequence, 0))
    assert len(found) == frames
    assert all(frame.shape == (SIDE, SIDE, 3) and frame.dtype == np.uint8 for frame in found)


@pytest.mark.parametrize(("width", "height", "matte"), [(150, 100, True), (97, 131, False), (700, 90, False)])
def test_frames_have_the_pictures_size_and_matte(networks, tmp_path, width, height, matte):
    image = picture(width, height, matte)
    found = render(networks, 2, image=image, work=tmp_path, steps=1)
    assert [frame.shape for frame in found] == [(height, width, 4 if matte else 3)] * 2
    if matte:
        assert np.array_equal(found[0][..., 3], image.alpha)  # the clip begins at the picture's own landmarks
        assert not np.array_equal(found[1][..., 3], image.alpha)


def test_the_same_seed_gives_the_same_frames_and_another_does_not(networks, reference, tmp_path):
    assert np.array_equal(np.stack(render(networks, FRAMES, work=tmp_path)), reference)
    other = np.stack(render(networks, 2, seed=1, work=tmp_path))
    assert np.abs(other.astype(int) - reference[:2]).max() > 5


def test_noise_depends_on_seed_and_frame_only():
    a, b = draw_noise(3, 7, (4, 2, 2)), draw_noise(3, 7, (4, 2, 2))
    torch.manual_seed(5)
    assert torch.equal(a, b) and torch.equal(a, draw_noise(3, 7, (4, 2, 2)))
    assert not torch.equal(a, draw_noise(3, 8, (4, 2, 2))) and not torch.equal(a, draw_noise(4, 7, (4, 2, 2)))
    many = torch.stack([draw_noise(0, frame, (4, 8, 8)) for frame in range(64)])
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


def test_the_state_of_torch_is_left_alone(networks, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    frames = Renderer(networks, options_of({**BASE, "work": tmp_path})).render(picture(), *moving(2), 0)
    next(frames)
    assert torch.equal(torch.rand(3), expected) and torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    frames.close()


@pytest.mark.parametrize("level", ["on", "max"])
def test_low_vram_gives_the_same_frames(reference, tmp_path, level):
    sparing = tiny_networks(low_vram=level)
    found = np.stack(render(sparing, FRAMES, work=tmp_path, low_vram=level))
    assert np.abs(found.astype(int) - reference).max() <= 1
    assert not sparing.shelves.present


def test_windows_meet_without_a_jump(networks, tmp_path):
    """Frames on both sides of a window's beginning differ no more than frames inside one do (still landmarks)."""
    landmarks, _ = moving(1)
    xy = np.repeat(landmarks.xy[None] + 1, FRAMES - 1, 0)
    sequence = LandmarkSequence(xy, landmarks.size, Fraction(25))
    options = options_of({**BASE, "work": tmp_path, "guidance": 1})
    script = Script.write(picture(), landmarks, sequence, options)
    windows = script.windows(options)
    assert len(script.xy) == FRAMES and script.first == 1 and len(windows) == 4
    found = np.stack(list(Renderer(networks, options).render(picture(), landmarks, sequence, 0))).astype(int)
    change = np.abs(np.diff(found, axis=0)).mean((1, 2, 3))
    seams = [window.first - 2 for window in windows[1:]]
    inside = [index for index in range(len(change)) if index not in seams]
    assert change[seams].max() < 1.5 * change[inside].max()


def test_blending_follows_the_window_before(networks, tmp_path):
    """The first shared frame stays close to what the earlier window gives; sampled apart it would not."""
    landmarks, sequence = moving(FRAMES)
    options = options_of({**BASE, "work": tmp_path})
    script = Script.write(picture(), landmarks, sequence, options)
    renderer, windows = Renderer(networks, options), script.windows(options)
    features = Features(networks, script.rgb, script.xy, script.parts, keep=10)
    denoiser = renderer.denoiser(features, 0)

    def noise(frames):
        return torch.stack([draw_noise(0, frame, (4, 8, 8)) for frame in frames])

    early, anchor, tail = run_window(denoiser, noise, windows[0], windows[1], None, None, "")
    assert tail.shape == (2, windows[1].overlap, 4, 8, 8) and anchor.shape == (2, 4, 8, 8)
    blended = run_window(denoiser, noise, windows[1], None, anchor, tail, "")[0]
    apart = run_window(denoiser, noise, windows[1], None, None, None, "")[0]
    assert torch.equal(blended[0], early[0])
    shared = windows[0].frames.index(windows[1].first)
    assert (blended[1] - early[shared]).norm() < 0.6 * (apart[1] - early[shared]).norm()


def test_motion_is_measured_from_the_picture(networks, tmp_path):
    landmarks, sequence = moving(3)
    away = LandmarkSequence(sequence.xy + 4, sequence.size, sequence.fps)
    ours = Script.write(picture(), landmarks, away, options_of({}))
    assert len(ours.xy) == 4 and ours.first == 1 and np.array_equal(ours.xy[0], landmarks.xy)
    first = Script.write(picture(), landmarks, away, options_of({"origin": "first"}))
    assert len(first.xy) == 3 and first.first == 0 and np.array_equal(first.xy, away.xy)
    same = Script.write(picture(), landmarks, sequence, options_of({}))
    assert len(same.xy) == 3 and same.first == 0


def test_absent_parts_do_not_drive():
    landmarks, sequence = moving(2)
    bald = Landmarks(landmarks.xy, landmarks.size, absent=frozenset(["eyebrows", "mouth"]))
    ours = Script.write(picture(), bald, sequence, options_of({}))
    assert ours.parts == ("face", "nose", "eyes")
    upstream = Script.write(picture(), bald, sequence, options_of({"fidelity": "upstream"}))
    assert len(upstream.parts) == 6


def test_parts_decide_what_moves(networks, reference, tmp_path):
    found = np.stack(render(networks, 3, parts="eyes", work=tmp_path))
    assert not np.array_equal(found[2], reference[2])


def test_frames_without_a_face_repeat_the_last_position():
    landmarks, sequence = moving(5)
    xy = sequence.xy.copy()
    xy[[0, 3]] = np.nan
    gaps = LandmarkSequence(xy, sequence.size, sequence.fps, found=np.array([False, True, True, False, True]))
    filled = without_gaps(landmarks, gaps)
    assert np.array_equal(filled[0], landmarks.xy) and np.array_equal(filled[3], xy[2])
    wild = np.nan_to_num(xy, nan=900)  # coordinates of frames without a face mean nothing, even where they are numbers
    lost = LandmarkSequence(wild, sequence.size, sequence.fps, found=gaps.found)
    assert np.array_equal(without_gaps(landmarks, lost), filled)


def test_decoding_does_not_depend_on_how_latents_come(networks):
    latents = torch.randn(11, 4, 4, 4, generator=torch.Generator().manual_seed(0))

    def frames(*cuts):
        parts = [Final(range(a, b), latents[a:b]) for a, b in zip((0, *cuts), (*cuts, 11), strict=True)]
        return list(decoded(networks.decode, iter(parts), 1, DECODE_FRAMES))

    whole, pieces = frames(), frames(1, 4, 5, 10)
    assert [number for number, _ in whole] == list(range(1, 11))
    assert all(a == b and np.array_equal(x, y) for (a, x), (b, y) in zip(whole, pieces, strict=True))


def test_guidance_of_one_skips_the_free_half(tmp_path):
    counting = tiny_networks()
    render(counting, 3, guidance=1, work=tmp_path)
    assert counting.unet.calls == counting.controlnet.counts["step"] == 2


def test_both_fidelities_share_networks(networks, tmp_path):
    """Upstream's mix-up of embeddings is switched off again for the next run."""
    before = np.stack(render(networks, 2, work=tmp_path))
    options = options_of({**UPSTREAM, "work": tmp_path})
    upstream = np.stack(list(Renderer(networks, options).render(picture(), *moving(2), 0)))
    assert not np.array_equal(upstream, before)
    assert np.array_equal(np.stack(render(networks, 2, work=tmp_path)), before)


# --- what is computed when -----------------------------------------------------------------------------------------


def test_every_network_sees_a_frame_once_per_video(tmp_path):
    """The real CMP; frames of overlapping windows, two steps, both halves of guidance."""
    from faceshot_mofa.nets.cmp import CMP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cmp = CMP()
    counting = tiny_networks(cmp=cmp)
    frames = 4
    render(counting, frames, window=3, overlap=1, work=tmp_path)
    windows = sequential_windows(frames, 3, 1)
    assert len(windows) == 2 and set(windows[0].frames) & set(windows[1].frames) == {0, 2}
    assert dict(cmp.counts) == {"image_encoder": 1, "decoder": frames - 1}
    calls = len(windows) * 2 * 2  # windows, steps, halves
    assert dict(counting.controlnet.counts) == {
        "appearance": 1, "landmarks": frames, "warp": frames - 1, "step": calls
    }  # fmt: skip
    assert counting.unet.calls == calls


def test_without_reuse_they_see_it_at_every_step(tmp_path):
    counting = tiny_networks()
    landmarks, sequence = moving(3)
    options = options_of({**BASE, "work": tmp_path})
    frames = list(Renderer(counting, options, reuse=False).render(picture(), landmarks, sequence, 0))
    assert counting.controlnet.counts["appearance"] == 4 and counting.controlnet.counts["landmarks"] == 12
    again = render(tiny_networks(), 3, work=tmp_path)
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(frames, again, strict=True))


def test_memory_does_not_grow_with_the_clip(networks, tmp_path):
    """Conditioning is kept for two windows at most, and latents leave as soon as they are final."""
    landmarks, sequence = moving(20)
    options = options_of({**LONG, "guidance": 1, "work": tmp_path})
    renderer = Renderer(networks, options)
    script = Script.write(picture(), landmarks, sequence, options)
    features = Features(networks, script.rgb, script.xy, script.parts, keep=2 * options.window)
    sizes = []
    for final in renderer.latents(features, script.windows(options), 0, None):
        sizes.append((len(final.latents), len(features._frames), len(features._flows)))
    assert max(count for sizes_ in sizes for count in sizes_) <= 2 * options.window
    assert sum(count for count, _, _ in sizes) == 20 and len(sizes) == 9


# --- interruptions -------------------------------------------------------------------------------------------------


class Stop(Exception):
    """Thrown in the middle of a run."""


def interrupt(monkeypatch, calls):
    """Let ``Denoiser.advance`` fail at call ``calls`` + 1."""
    plain, seen = Denoiser.advance, []

    def advance(self, *arguments):
        seen.append(1)
        if len(seen) > calls:
            raise Stop
        return plain(self, *arguments)

    monkeypatch.setattr(Denoiser, "advance", advance)
    return seen


@pytest.mark.parametrize("calls", [5, 2, 6, 1], ids=["in window 3", "between 1 and 2", "in window 4", "in window 1"])
def test_an_interrupted_run_goes_on_with_the_same_frames(networks, reference, tmp_path, monkeypatch, calls, caplog):
    caplog.set_level("INFO", "faceshot")
    with monkeypatch.context() as patch:
        interrupt(patch, calls)
        with pytest.raises(Stop):
            render(networks, FRAMES, work=tmp_path)
    assert any("resume=True goes on" in record.message for record in caplog.records) == (calls > 1)
    with monkeypatch.context() as patch:
        seen = interrupt(patch, 100)
        found = np.stack(render(networks, FRAMES, work=tmp_path, resume=True))
    assert np.array_equal(found, reference)
    assert len(seen) == 8 - calls // 2 * 2  # four windows of two steps, less the finished windows


def test_upstreams_joint_run_goes_on_after_its_last_step(networks, tmp_path, monkeypatch):
    extra = {"steps": 2, "window": 4, "fidelity": "upstream"}
    landmarks, sequence = moving(6)

    def run(folder, **more):
        options = options_of({**extra, "work": folder, **more})
        return np.stack(list(Renderer(networks, options).render(picture(), landmarks, sequence, 0)))

    whole = run(tmp_path / "a")
    with monkeypatch.context() as patch:
        interrupt(patch, 3)  # two windows a step: in the second step
        with pytest.raises(Stop):
            run(tmp_path / "b")
    with monkeypatch.context() as patch:
        seen = interrupt(patch, 100)
        assert np.array_equal(run(tmp_path / "b", resume=True), whole)
    assert len(seen) == 2


KILLED = """
import os, signal, sys
sys.path.insert(0, {repo!r})
import torch
torch.set_num_threads({threads})
from tests.adapters.mofa import test_animate as t
plain, seen = t.Denoiser.advance, []
def advance(self, *arguments):
    seen.append(1)
    if len(seen) == 6:  # the second step of window 3
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, *arguments)
t.Denoiser.advance = advance
t.render(t.tiny_networks(), t.FRAMES, work={work!r})
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL exists on POSIX systems only")
def test_a_killed_process_is_resumed_with_the_same_frames(networks, reference, tmp_path, repo):
    code = KILLED.format(repo=str(repo), work=str(tmp_path), threads=torch.get_num_threads())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repo)
    assert done.returncode == -9, done.stderr
    (run,) = tmp_path.glob("run-*")
    assert len(list(run.glob("window_*.safetensors"))) == 2
    found = np.stack(render(networks, FRAMES, work=tmp_path, resume=True))
    assert np.array_equal(found, reference)


def test_frames_are_handed_on_before_the_last_window_is_sampled(networks, tmp_path, monkeypatch):
    seen = interrupt(monkeypatch, 100)
    frames = Renderer(networks, options_of({**LONG, "work": tmp_path})).render(picture(), *moving(13), 0)
    next(frames)
    assert len(seen) == 4  # of five windows; eight frames are decoded together
    frames.close()


@pytest.mark.parametrize("change", ["seed", "steps", "landmarks", "picture", "weights", "low_vram", "nothing"])
def test_only_a_run_with_the_same_inputs_is_resumed(networks, tmp_path, change):
    landmarks, sequence = moving(3)
    image, seed, extra, nets = picture(), 0, {}, networks
    if change == "seed":
        seed = 1
    elif change == "landmarks":
        xy = sequence.xy.copy()
        xy[2, 5] += 0.25
        sequence = LandmarkSequence(xy, sequence.size, sequence.fps)
    elif change == "picture":
        rgb = image.rgb.copy()
        rgb[0, 0] ^= 1
        image = Picture(rgb)
    elif change == "weights":
        nets = tiny_networks(seed=3)
    elif change in ("steps", "low_vram"):
        extra = {"steps": 3} if change == "steps" else {"low_vram": True}

    def name(nets, image, sequence, seed, extra):
        options = options_of({**BASE, **extra})
        return Renderer(nets, options).name(Script.write(image, landmarks, sequence, options), image, seed)

    same = name(networks, picture(), moving(3)[1], 0, {}) == name(nets, image, sequence, seed, extra)
    assert same == (change in ("low_vram", "nothing"))


def test_without_resume_a_run_begins_anew(networks, tmp_path, monkeypatch):
    render(networks, 2, work=tmp_path, steps=1)
    (run,) = tmp_path.glob("run-*")
    assert (run / "done").exists()
    seen = interrupt(monkeypatch, 100)
    render(networks, 2, work=tmp_path, steps=1)
    assert len(seen) == 1
    render(networks, 2, work=tmp_path, steps=1, resume=True)
    assert len(seen) == 1  # everything is still there, in case the video was not written


def test_a_damaged_window_is_computed_again(networks, reference, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 5)
        with pytest.raises(Stop):
            render(networks, FRAMES, work=tmp_path)
    (run,) = tmp_path.glob("run-*")
    (run / "window_000001.safetensors").write_bytes(b"not a window")
    assert np.array_equal(np.stack(render(networks, FRAMES, work=tmp_path, resume=True)), reference)


def test_complete_runs_are_swept_by_the_next(tmp_path):
    old, interrupted, stale = (Work(tmp_path, digest(name), resume=False) for name in ("old", "interrupted", "stale"))
    for work in (old, interrupted, stale):
        work.store("window", 0, {"latents": torch.zeros(1)})
    old.finish()
    for path in [*stale.folder.iterdir(), stale.folder]:
        os.utime(path, (1, 1))
    (tmp_path / "mine.txt").write_text("not ours")
    Work(tmp_path, digest("new"), resume=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", interrupted.folder.name]


@pytest.mark.parametrize("name", ["run-1", f"run-{digest('theirs')}"])
def test_folders_of_the_users_are_never_swept(tmp_path, name):
    """A folder given as ``work`` may hold anything, old runs of other programs included."""
    theirs = tmp_path / name
    theirs.mkdir()
    for file in ("done", "results.csv"):
        (theirs / file).write_text("years of work")
        os.utime(theirs / file, (1, 1))
    os.utime(theirs, (1, 1))
    Work(tmp_path, digest("new"), resume=False)
    assert sorted(path.name for path in theirs.iterdir()) == ["done", "results.csv"]


def test_nothing_half_written_is_read(tmp_path):
    work = Work(tmp_path, "a", resume=False)
    work.store("window", 0, {"latents": torch.arange(3.0)})
    (work.folder / ".window_000001.safetensors.xyz").write_bytes(b"half")
    again = Work(tmp_path, "a", resume=True)
    assert again.finished("window") == 1 and again.newest("window")[0] == 0
    with pytest.raises(InputError, match="gone or damaged"):
        again.read("window", 5)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="work=DIR"):
        Work(blocked, "a", resume=False).store("window", 0, {"latents": torch.zeros(1)})


def test_a_full_disk_is_told_and_leaves_no_half_window(tmp_path, monkeypatch):
    work = Work(tmp_path, digest("a"), resume=False)
    work.store("window", 0, {"latents": torch.zeros(1)})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="No space left on device") as error:
        work.store("window", 1, {"latents": torch.zeros(1)})
    assert "\n" not in str(error.value) and str(work.folder) in str(error.value)
    assert [path.name for path in work.folder.iterdir()] == ["window_000000.safetensors"]


def test_runs_lie_in_the_cache(networks, cache):
    landmarks, sequence = moving(1)
    options = options_of({**BASE, "steps": 1})
    list(Renderer(networks, options).render(picture(), landmarks, sequence, 0))
    assert list((cache / "mofa").glob("run-*/window_000000.safetensors"))


# --- estimate and backend ------------------------------------------------------------------------------------------


def test_the_estimate_counts_what_is_computed(networks):
    windows = sequential_windows(50, 25, 8)
    full = estimate(networks, parse_options({}), Size(512, 512), 50, windows)
    assert full.calls == 3 * 25 * 25 * 2 and full.windows == 3
    plain = estimate(networks, parse_options({"guidance": 1}), Size(512, 512), 50, windows)
    assert plain.calls == full.calls // 2 and plain.gigabytes < full.gigabytes
    assert "50 frames in 3 windows of 25 steps at 512x512" in str(full) and "estimate" in str(full)


def test_the_estimate_is_logged_before_the_start(networks, tmp_path, caplog):
    caplog.set_level("INFO", "faceshot")
    frames = Renderer(networks, options_of({**BASE, "work": tmp_path})).render(picture(), *moving(2), 0)
    next(frames)
    frames.close()
    assert any("rough estimate" in record.message for record in caplog.records)


def test_motion_the_flow_cannot_say_is_reported(networks, tmp_path, caplog):
    landmarks, sequence = moving(1)
    xy = np.concatenate([sequence.xy, sequence.xy + np.float32([SIDE / 5, 0])])
    far = LandmarkSequence(xy, sequence.size, sequence.fps)
    next(Renderer(networks, options_of({**BASE, "work": tmp_path})).render(picture(), landmarks, far, 0))
    assert any("50 % of the frames move further" in record.message for record in caplog.records)


def test_the_backend_runs_on_given_networks(networks, tmp_path):
    backend = Backend(networks)
    assert backend.requires() == []
    landmarks, sequence = moving(3)
    options = AnimationOptions(seed=4, extra={**BASE, "steps": "1", "size": "128", "work": str(tmp_path)})
    backend.load(options)
    assert len(list(backend.animate(picture(), landmarks, sequence, options))) == 3
    with pytest.raises(InputError, match="96x96"):
        backend.animate(picture(), landmarks.resized((96, 96)), sequence, options)
    with pytest.raises(UsageError, match="no_such"):
        backend.animate(picture(), landmarks, sequence, AnimationOptions(extra={"no_such": 1}))


def test_missing_weights_name_file_folders_licence_and_command(monkeypatch, tmp_path):
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    backend = Backend()
    if not backend.requires():
        pytest.skip("the weights are on this machine")
    with pytest.raises(MissingError) as error:
        backend.load(AnimationOptions())
    message = str(error.value)
    assert "\n" not in message
    for word in ("ldmk_controlnet/diffusion_pytorch_model.safetensors", str(tmp_path), "licence", "weights fetch mofa"):
        assert word in message


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("level", ["off", "on", "max"])
def test_a_gpu_gives_the_same_frames(reference, tmp_path, level):
    on_gpu = replace(tiny_networks(), device=torch.device("cuda"), low_vram=level)
    found = np.stack(render(on_gpu, FRAMES, work=tmp_path, low_vram=level))
    assert np.abs(found.astype(int) - reference).max() <= 3


def test_this_file_is_where_the_killed_process_looks_for_it(repo):
    assert Path(__file__).resolve() == repo / "tests" / "adapters" / "mofa" / "test_animate.py"
