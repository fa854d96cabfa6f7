"""What the drop-ins give: shapes, types, orders, channel orders, and what happens without a face."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from faceshot.errors import InputError
from faceshot.hooks import aniportrait, dlib, face_alignment, facexlib, insightface, liveportrait, mediapipe, use
from faceshot.hooks.finder import as_rgb, face_in, faces
from faceshot.landmarks import Landmarks, RGBArray
from faceshot.landmarks.topology import MEDIAPIPE_TO_68
from faceshot.pipeline import FaceShot


def _near(a: np.ndarray, b: np.ndarray, most: float) -> None:
    assert np.abs(np.asarray(a, float) - np.asarray(b, float)).max() <= most


def test_face_alignment(cat: RGBArray, marks: Landmarks, nobody: RGBArray, repo: Path) -> None:
    fa = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, device="cpu")
    (xy,) = fa.get_landmarks(cat)
    assert xy.shape == (68, 2) and xy.dtype == np.float32
    _near(xy, marks.xy, 0)
    points, scores, boxes = fa.get_landmarks_from_image(cat, return_bboxes=True, return_landmark_score=True)
    assert len(points) == len(scores) == len(boxes) == 1 and scores[0].shape == (68,) and boxes[0].shape == (5,)
    assert fa.get_landmarks(cat, return_bboxes=True)[1] is None
    assert fa.get_landmarks(cat, return_landmark_score=True)[2] is None
    left, top, right, bottom = boxes[0][:4]
    assert (xy >= (left - 0.01, top)).all() and (xy <= (right + 0.01, bottom + 0.01)).all()
    again = fa.get_landmarks(str(repo / "examples" / "cat.png"), detected_faces=boxes)
    _near(again[0], xy, 0)
    with pytest.warns(UserWarning, match="No faces were detected"):
        assert fa.get_landmarks(nobody) is None
    with pytest.warns(UserWarning, match="No faces were detected"):
        assert fa.get_landmarks(nobody, return_bboxes=True) == (None, None, None)


def test_face_alignment_knows_the_names_before_and_after_1_4() -> None:
    kinds = face_alignment.LandmarksType
    assert (kinds._2D, kinds._2halfD, kinds._3D) == (kinds.TWO_D, kinds.TWO_HALF_D, kinds.THREE_D) == (1, 2, 3)


def test_face_alignment_in_space_batches_and_folders(
    cat: RGBArray, nobody: RGBArray, repo: Path, tmp_path: Path
) -> None:
    solid = face_alignment.FaceAlignment(face_alignment.LandmarksType.THREE_D, device="cpu")
    (points,) = solid.get_landmarks(cat)
    assert points.shape == (68, 3) and points.dtype == np.float32
    assert points[30, 2] > points[[0, 16], 2].max()  # the nose is nearer than the ears
    plain = np.zeros_like(cat)
    batch = torch.from_numpy(np.stack([cat, plain])).permute(0, 3, 1, 2)
    with pytest.warns(UserWarning, match="No faces"):
        first, second = solid.get_landmarks_from_batch(batch)
    assert first.shape == (68, 3) and second == []
    with pytest.warns(UserWarning, match="No faces"):
        found, scores, boxes = solid.get_landmarks_from_batch(batch, return_bboxes=True, return_landmark_score=True)
    assert len(found) == len(scores) == len(boxes) == 2 and boxes[1] == []
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "cat.png").write_bytes((repo / "examples" / "cat.png").read_bytes())
    (tmp_path / "note.txt").write_text("no picture")
    assert list(solid.get_landmarks_from_directory(str(tmp_path), recursive=False)) == []
    (name,) = found = solid.get_landmarks_from_directory(str(tmp_path))
    assert name.endswith("cat.png") and found[name][0].shape == (68, 3)


def test_facexlib(cat: RGBArray, marks: Landmarks, nobody: RGBArray) -> None:
    finder = facexlib.init_detection_model("retinaface_resnet50", device="cpu").eval().to("cpu")
    rows = finder.detect_faces(cat[..., ::-1], 0.97)
    assert rows.shape == (1, 15) and rows.dtype == np.float32 and 0.97 < rows[0, 4] <= 1
    five = rows[0, 5:].reshape(5, 2)
    assert five[0, 0] < five[1, 0] and five[3, 0] < five[4, 0]  # image left first
    _near(five[2], marks.xy[30], 1e-3)
    assert finder.detect_faces(nobody).shape == (0, 15)
    boxes, points = finder.batched_detect_faces([cat[..., ::-1], cat[..., ::-1]])
    assert [one.shape for one in (*boxes, *points)] == [(1, 5), (1, 5), (1, 10), (1, 10)]
    aligner = facexlib.init_alignment_model("awing_fan", device="cpu")
    wflw = aligner.get_landmarks(cat[..., ::-1])
    assert wflw.shape == (98, 2)
    _near(facexlib.landmark_98_to_68(wflw), marks.xy, 1e-3)
    assert aligner.get_landmarks(nobody).shape == (98, 2)  # a crop is a face, whatever it looks like
    with pytest.raises(NotImplementedError):
        facexlib.init_detection_model("yolo")


def test_insightface(cat: RGBArray, marks: Landmarks, nobody: RGBArray, caplog: pytest.LogCaptureFixture) -> None:
    app = insightface.FaceAnalysis(name="buffalo_l", providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=0, det_size=(640, 640))
    (face,) = app.get(cat[..., ::-1])
    shapes = {name: face[name].shape for name in ("bbox", "kps", "landmark_2d_106", "landmark_3d_68", "pose")}
    assert shapes == {"bbox": (4,), "kps": (5, 2), "landmark_2d_106": (106, 2), "landmark_3d_68": (68, 3), "pose": (3,)}
    assert all(face[name].dtype == np.float32 for name in shapes) and 0 < face.det_score <= 1
    _near(face.landmark_3d_68[:, :2], marks.xy, 0)
    assert np.abs(face.pose).max() < 45 and face.gender is None and face.sex is None
    with caplog.at_level(logging.WARNING, "faceshot"):
        assert face.normed_embedding is None and face.embedding is None
    assert caplog.text.count("no identity embedding") == 1
    assert app.get(nobody) == [] and app.det_model.detect(nobody)[1].shape == (0, 5, 2)
    assert "landmark_2d_106" not in insightface.FaceAnalysis(allowed_modules=["detection"]).get(cat[..., ::-1])[0]


def test_insightface_takes_the_large_and_central_faces_first(repo: Path) -> None:
    small = as_rgb(str(repo / "examples" / "cat.png"))
    side = small.shape[0] // 2
    half = np.ascontiguousarray(small[::2, ::2])
    scene = np.full((small.shape[0] + 40, small.shape[1] + side + 80, 3), 200, np.uint8)
    scene[20 : 20 + small.shape[0], : small.shape[1]] = small
    scene[40 : 40 + half.shape[0], -half.shape[1] - 20 : -20] = half
    bgr = scene[..., ::-1]
    app = insightface.FaceAnalysis()
    if len(every := app.get(bgr)) < 2:
        pytest.fail(f"two cats were drawn, {len(every)} found")
    assert [face.det_score for face in every] == sorted((face.det_score for face in every), reverse=True)
    (most,) = app.get(bgr, max_num=1, det_metric="max")
    widths = [face.bbox[2] - face.bbox[0] for face in every]
    assert most.bbox[2] - most.bbox[0] == max(widths)


def test_dlib(cat: RGBArray, marks: Landmarks, nobody: RGBArray) -> None:
    detector, predictor = (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor("shape_predictor_68_face_landmarks.dat"),
    )
    boxes = detector(cat, 1)
    assert len(boxes) == 1 and isinstance(boxes[0].left(), int)
    shape = predictor(cat, boxes[0])
    assert shape.num_parts == 68 and shape.rect == boxes[0]
    _near(np.array([(point.x, point.y) for point in shape.parts()]), marks.xy, 0.5)
    five = dlib.shape_predictor("shape_predictor_5_face_landmarks.dat")(cat, boxes[0])
    assert five.num_parts == 5 and five.part(0).x > five.part(1).x > five.part(3).x > five.part(2).x
    found, scores, kinds = detector.run(cat, 0, 0.5)
    assert len(found) == len(scores) == len(kinds) == 1 and 0.5 < scores[0] <= 1
    assert list(detector(nobody)) == [] and detector.run(nobody)[1:] == ([], [])
    (seen,) = dlib.cnn_face_detection_model_v1("mmod.dat")(cat)
    assert seen.rect == boxes[0] and seen.confidence == scores[0]
    with pytest.raises(RuntimeError, match="8bit gray or RGB"):
        detector(cat.astype(np.float32))
    assert predictor(nobody, dlib.rectangle(-500, -500, -400, -400)).num_parts == 68  # a box is taken at its word


def test_mediapipe_gives_a_cat_478_points(cat: RGBArray, marks: Landmarks, nobody: RGBArray) -> None:
    size = np.array(marks.size)
    options = mediapipe.FaceLandmarkerOptions(mediapipe.BaseOptions("not_here.task"), num_faces=2)
    with mediapipe.FaceLandmarker.create_from_options(options) as landmarker:
        result = landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, cat))
        assert result.face_blendshapes == [] and result.facial_transformation_matrixes == []
        (points,) = result.face_landmarks
        unit = np.array([(point.x, point.y) for point in points])
        assert unit.shape == (478, 2)
        back = np.stack([unit[list(i)].mean(0) for i in MEDIAPIPE_TO_68]) * size - 0.5
        _near(back, marks.xy, 1e-2)
        assert landmarker.detect(mediapipe.Image(data=nobody)).face_landmarks == []
        with pytest.raises(ValueError, match="not initialized with the video mode"):
            landmarker.detect_for_video(mediapipe.Image(data=cat), 0)
    options.running_mode = mediapipe.RunningMode.VIDEO
    video = mediapipe.FaceLandmarker.create_from_options(options)
    assert len(video.detect_for_video(mediapipe.Image(data=cat), 10).face_landmarks) == 1
    with pytest.raises(ValueError, match="monotonically increasing"):
        video.detect_for_video(mediapipe.Image(data=cat), 10)


def test_mediapipes_own_networks_find_people(shared: Path, cat: RGBArray) -> None:
    pytest.importorskip("ai_edge_litert")
    model, person = shared / "models" / "face_landmarker.task", shared / "characters" / "images" / "lp_s7.png"
    if not model.is_file() or not person.is_file():
        pytest.skip(f"no {model} or {person}")
    from faceshot.facemesh import FaceMesh

    options = mediapipe.FaceLandmarkerOptions(
        mediapipe.BaseOptions(str(model)), output_face_blendshapes=True, output_facial_transformation_matrixes=True
    )
    landmarker = mediapipe.FaceLandmarker.create_from_options(options)
    result = landmarker.detect(mediapipe.Image.create_from_file(str(person)))
    (direct,) = FaceMesh(model).faces(as_rgb(str(person)), 1)
    _near(np.array([(p.x, p.y, p.z) for p in result.face_landmarks[0]]), direct.points, 0)
    assert len(result.face_blendshapes[0]) == 52 and result.face_blendshapes[0][9].category_name == "eyeBlinkLeft"
    result = landmarker.detect(mediapipe.Image(data=cat))  # no person: the mesh of our landmarks, and what it does
    assert len(result.face_blendshapes[0]) == 52 and result.facial_transformation_matrixes[0].shape == (4, 4)


def test_solutions_which_mediapipe_dropped(cat: RGBArray, nobody: RGBArray) -> None:
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        (face,) = mesh.process(cat).multi_face_landmarks
        assert len(face.landmark) == 478 and 0 < face.landmark[1].x < 1
        assert mesh.process(nobody).multi_face_landmarks is None
    assert len(mediapipe.solutions.face_mesh.FaceMesh().process(cat).multi_face_landmarks[0].landmark) == 468
    assert (61, 185) in mediapipe.solutions.face_mesh.FACEMESH_LIPS and len(
        mediapipe.solutions.FACEMESH_CONTOURS
    ) == 124


def test_liveportraits_crop(cat: RGBArray, marks: Landmarks, nobody: RGBArray) -> None:
    cropper = liveportrait.Cropper()
    made = cropper.crop_source_image(cat, cropper.crop_cfg)
    assert made is not None and made["img_crop"].shape == (512, 512, 3) and made["img_crop_256x256"].shape[0] == 256
    _near(made["M_o2c"] @ made["M_c2o"], np.eye(3), 1e-3)
    points = made["lmk_crop"]
    assert points.shape == (203, 2)
    # Where LivePortrait reads lids and lips, as ratios.
    for ring, indices in (((0, 12, 24, 36), (36, 39, 42, 45)), ((48, 66, 84, 96), (48, 54, 60, 64))):
        _near(points[list(ring)], marks.xy[list(indices)], 1e-3)
    _near(points[[90, 102]], marks.xy[[62, 66]], 1e-3)
    assert made["pt_crop"].min() > 0 and made["pt_crop"].max() < 512
    assert cropper.crop_source_image(nobody, cropper.crop_cfg) is None
    clip = cropper.crop_driving_video([cat, nobody, cat])
    assert [frame.shape for frame in clip["frame_crop_lst"]] == [(512, 512, 3)] * 2 and len(clip["lmk_crop_lst"]) == 2


def test_liveportraits_crop_is_that_of_our_adapter(marks: Landmarks) -> None:
    """Which reproduces LivePortrait's own crops (tests/adapters/liveportrait/test_golden.py)."""
    from faceshot_liveportrait.place import face_crop

    tilted = marks.xy @ np.array([[0.9, 0.3], [-0.3, 0.9]])
    for turn in (True, False):
        wanted = face_crop(tilted, scale=2.2, shift=-0.1, turned=turn).matrix
        _near(liveportrait.crop_matrix(tilted, 512, 2.2, -0.1, turn=turn)[:2], wanted, 1e-6)


def test_aniportraits_extractor(shared: Path, cat: RGBArray, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert")
    if not (shared / "models" / "face_landmarker.task").is_file():
        pytest.skip("no face_landmarker.task")
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(shared / "models"))
    found = aniportrait.LMKExtractor()(cat[..., ::-1])
    assert found is not None and found["lmks"].shape == (478, 3) and len(found["bs"]) == 51
    assert found["lmks3d"].shape == (468, 3) and found["trans_mat"].shape == (4, 4)
    assert aniportrait.LMKExtractor()(np.zeros((64, 64, 3), np.uint8)) is None


def test_pictures_of_any_kind(cat: RGBArray, repo: Path) -> None:
    from PIL import Image

    path = repo / "examples" / "cat.png"
    for same in (
        *(str(path), path, Image.open(path), torch.from_numpy(cat.copy()), cat.astype(np.float32), cat / 255.0),
        np.dstack([cat, np.full(cat.shape[:2], 7, np.uint8)]),
    ):
        assert (as_rgb(same) == cat).all()
    assert (as_rgb(cat[..., ::-1], "bgr") == cat).all()
    assert as_rgb(cat[..., 0]).shape == cat.shape and as_rgb(cat[..., :1]).shape == cat.shape
    for wrong in (np.zeros((3, 4, 5)), np.zeros((0, 4, 3)), b"text", None):
        with pytest.raises(InputError, match="a picture must be an array"):
            as_rgb(wrong)


def test_a_box_means_the_face_it_holds(cat: RGBArray, marks: Landmarks) -> None:
    assert face_in(cat, (0, 0, cat.shape[1], cat.shape[0])).confidence > 0.5
    box = np.array(marks.box()) + (-9, 4, 7, -3)
    assert face_in(cat, box) is faces(cat)[0]


def test_another_pipeline_may_be_used(cat: RGBArray) -> None:
    other = FaceShot(cache_dir=None)
    before = use(other)
    try:
        assert other._matcher is None
        faces(cat)
        assert other._matcher is not None
    finally:
        assert use(before) is other
