"""The 68 iBUG landmarks: the only place in the repository that holds index lists.

"Right" and "left" mean the *subject's* side, so the right eye is on the image left of an unmirrored picture.
All indices are 0-based.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal, get_args

N_POINTS: Final = 68

#: Parts as the gallery, the matcher and visibility flags use them (FaceShot, Table 4: 17, 10, 9, 12, 20 points).
Part = Literal["face_boundary", "eyebrows", "nose", "eyes", "mouth"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
PART_POINTS: Final = MappingProxyType(
    {
        "face_boundary": tuple(range(0, 17)),
        "eyebrows": tuple(range(17, 27)),
        "nose": tuple(range(27, 36)),
        "eyes": tuple(range(36, 48)),
        "mouth": tuple(range(48, 68)),
    }
)

#: Parts a user can switch or scale apart when motion is transferred.
MotionPart = Literal["head", "jaw", "mouth", "right_eye", "left_eye", "right_brow", "left_brow", "nose", "gaze"]
MOTION_PARTS: Final[tuple[MotionPart, ...]] = get_args(MotionPart)

JAW: Final = tuple(range(0, 17))
RIGHT_BROW: Final = tuple(range(17, 22))
LEFT_BROW: Final = tuple(range(22, 27))
NOSE_BRIDGE: Final = tuple(range(27, 31))
NOSE_BASE: Final = tuple(range(31, 36))
RIGHT_EYE: Final = tuple(range(36, 42))
LEFT_EYE: Final = tuple(range(42, 48))
OUTER_LIPS: Final = tuple(range(48, 60))
INNER_LIPS: Final = tuple(range(60, 68))

#: The groups that ``Landmarks.part`` knows beside :data:`PARTS`; each is an attribute too (``landmarks.left_eye``).
GROUPS: Final = MappingProxyType(
    {
        "jaw": JAW,
        "right_brow": RIGHT_BROW,
        "left_brow": LEFT_BROW,
        "nose": NOSE_BRIDGE + NOSE_BASE,
        "nose_bridge": NOSE_BRIDGE,
        "nose_base": NOSE_BASE,
        "right_eye": RIGHT_EYE,
        "left_eye": LEFT_EYE,
        "mouth": OUTER_LIPS + INNER_LIPS,
        "outer_lips": OUTER_LIPS,
        "inner_lips": INNER_LIPS,
    }
)

CHIN: Final = 8
NOSE_TIP: Final = 30
SUBNASALE: Final = 33
MOUTH_CORNERS: Final = (48, 54)
INNER_MOUTH_CORNERS: Final = (60, 64)
OUTER_EYE_CORNERS: Final = (36, 45)
INNER_EYE_CORNERS: Final = (39, 42)

#: Upper lid point -> the lower lid point facing it, per eye.
LID_PAIRS: Final = MappingProxyType({"right_eye": ((37, 41), (38, 40)), "left_eye": ((43, 47), (44, 46))})
#: Upper inner lip point -> the lower inner lip point facing it.
INNER_LIP_PAIRS: Final = ((61, 67), (62, 66), (63, 65))
#: Upper outer lip point -> the lower outer lip point facing it.
OUTER_LIP_PAIRS: Final = ((49, 59), (50, 58), (51, 57), (52, 56), (53, 55))

#: The 13 open chains of coordinate-based retargeting (FaceShot, section 3.2), in upstream's order; the first and
#: last index of each chain are its endpoints. Lower lids and lips run from image right to image left.
CHAINS: Final = (
    tuple(range(0, 17)),
    tuple(range(48, 55)),
    (54, 55, 56, 57, 58, 59, 48),
    tuple(range(31, 36)),
    tuple(range(60, 65)),
    (64, 65, 66, 67, 60),
    tuple(range(36, 40)),
    (39, 40, 41, 36),
    tuple(range(42, 46)),
    (45, 46, 47, 42),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
)
CHAIN_NAMES: Final = (
    "face",
    "outer_lip_top",
    "outer_lip_bottom",
    "nose_base",
    "inner_lip_top",
    "inner_lip_bottom",
    "right_eye_top",
    "right_eye_bottom",
    "left_eye_top",
    "left_eye_bottom",
    "right_brow",
    "left_brow",
    "nose_bridge",
)
ENDPOINTS: Final = tuple((chain[0], chain[-1]) for chain in CHAINS)

#: The points upstream puts on one straight line: the nose bridge and the middle of the nose base.
BRIDGE_LINE: Final = (27, 28, 29, 30, 33)

#: What a user may point at by hand, and the landmarks whose mean each name is.
ANCHORS: Final = MappingProxyType(
    {
        "right_eye": RIGHT_EYE,
        "left_eye": LEFT_EYE,
        "nose": (NOSE_TIP,),
        "right_mouth": (MOUTH_CORNERS[0],),
        "left_mouth": (MOUTH_CORNERS[1],),
        "mouth": MOUTH_CORNERS,
    }
)

#: Polylines for drawing: (indices, closed).
CURVES: Final = (
    (JAW, False),
    (RIGHT_BROW, False),
    (LEFT_BROW, False),
    (NOSE_BRIDGE, False),
    (NOSE_BASE, False),
    (RIGHT_EYE, True),
    (LEFT_EYE, True),
    (OUTER_LIPS, True),
    (INNER_LIPS, True),
)

#: ``mirrored[i] = original[FLIP[i]]`` with x mirrored; an involution.
FLIP: Final = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
MIRROR_PAIRS: Final = tuple((i, j) for i, j in enumerate(FLIP) if i < j)

#: MediaPipe FaceMesh (478 points) -> iBUG 68; two indices mean the middle of both points. Mirror-symmetric.
MEDIAPIPE_TO_68: Final[tuple[tuple[int, ...], ...]] = (
    *((127,), (234,), (93,), (132, 58), (58, 172), (136,), (150, 149), (176, 148), (152,)),
    *((400, 377), (379, 378), (365,), (288, 397), (361, 288), (323,), (454,), (356,)),
    *((70,), (63,), (105,), (66,), (107,)),
    *((336,), (296,), (334,), (293,), (300,)),
    *((168, 6), (197,), (5,), (4,)),
    *((98,), (97,), (2,), (326,), (327,)),
    *((33,), (160,), (158,), (133,), (153,), (144,)),
    *((362,), (385,), (387,), (263,), (373,), (380,)),
    *((61,), (39,), (37,), (0,), (267,), (269,), (291,)),
    *((321, 405), (314,), (17,), (84,), (91, 181)),
    *((78,), (82,), (13,), (312,), (308,)),
    *((317,), (14,), (87,)),
)

#: Of the 478 mesh points: what the blendshape network reads, in its order.
# fmt: off
MESH_BLENDSHAPE_POINTS: Final = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)
# fmt: on
#: Of the mesh: outer eye corners, right and left; per eye the corners (image left, image right) and the iris' centre.
MESH_OUTER_EYE_CORNERS: Final = (33, 263)
MESH_EYES: Final = MappingProxyType({"right_eye": (33, 133, 468), "left_eye": (362, 263, 473)})
#: Of the mesh: points on the cheeks; the inner edge of the lips as a ring.
MESH_CHEEKS: Final = (50, 205, 280, 425)
MESH_INNER_LIPS: Final = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    *(324, 318, 402, 317, 14, 87, 178, 88, 95),
)

#: Of the mesh, what the 68 points do not name: (mesh index, its mirror) -> weights of the 68 points on the image left.
#: Errors are below 0.05 of the distance of the outer eye corners; the forehead cannot be had.
MESH_FROM_68: Final = MappingProxyType(
    {
        (162, 389): ((0, 1.739), (1, -0.87), (17, 0.131)),
        (21, 251): ((0, 2.014), (1, -1.384), (17, 0.37)),
        (46, 276): ((17, 0.624), (36, 0.217), (18, 0.159)),
        (53, 283): ((18, 0.766), (37, 0.234)),
        (52, 282): ((19, 0.749), (37, 0.143), (38, 0.108)),
        (65, 295): ((20, 0.745), (38, 0.192), (39, 0.063)),
        (55, 285): ((21, 0.637), (39, 0.194), (27, 0.169)),
        (246, 466): ((36, 0.739), (37, 0.261)),
        (161, 388): ((36, 0.441), (37, 0.559)),
        (159, 386): ((37, 0.508), (38, 0.492)),
        (157, 384): ((39, 0.426), (38, 0.574)),
        (173, 398): ((39, 0.798), (38, 0.202)),
        (7, 249): ((36, 0.688), (41, 0.312)),
        (163, 390): ((36, 0.391), (41, 0.609)),
        (145, 374): ((41, 0.509), (40, 0.491)),
        (154, 381): ((39, 0.48), (40, 0.52)),
        (155, 382): ((39, 0.819), (40, 0.181)),
        (185, 409): ((48, 0.739), (49, 0.261)),
        (40, 270): ((48, 0.408), (49, 0.592)),
        (146, 375): ((48, 0.67), (59, 0.33)),
        (91, 321): ((48, 0.262), (59, 0.738)),
        (181, 405): ((59, 0.696), (58, 0.304)),
        (191, 415): ((60, 0.776), (61, 0.224)),
        (80, 310): ((60, 0.558), (61, 0.442)),
        (81, 311): ((60, 0.298), (61, 0.702)),
        (95, 324): ((60, 0.767), (67, 0.233)),
        (88, 318): ((60, 0.566), (67, 0.434)),
        (178, 402): ((60, 0.305), (67, 0.695)),
    }
)

#: WFLW 98 points (facexlib's FAN) -> iBUG 68; two indices mean the middle of both points.
WFLW_TO_68: Final[tuple[tuple[int, ...], ...]] = (
    *((2 * i,) for i in range(17)),
    *((33,), (34, 41), (35, 40), (36, 39), (37, 38)),
    *((42, 50), (43, 49), (44, 48), (45, 47), (46,)),
    *((i,) for i in range(51, 60)),
    *((60,), (61,), (63,), (64,), (65,), (67,)),
    *((68,), (69,), (71,), (72,), (73,), (75,)),
    *((i,) for i in range(76, 96)),
)

#: Where the 98 of WFLW repeat a lid's middle, per eye upper and lower; its last two are the pupils.
WFLW_LID_MIDDLES: Final = ((62, 66), (70, 74))

#: iBUG 68 -> the index of the same point among InsightFace's 106 (its ``2d106det``); several published programs agree.
INSIGHTFACE_106: Final = (
    *(1, 10, 12, 14, 16, 3, 5, 7, 0, 23, 21, 19, 32, 30, 28, 26, 17),
    *(43, 48, 49, 51, 50),
    *(102, 103, 104, 105, 101),
    *(72, 73, 74, 86),
    *(78, 79, 80, 85, 84),
    *(35, 41, 42, 39, 37, 36),
    *(89, 95, 96, 93, 91, 90),
    *(52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55),
    *(65, 66, 62, 70, 69, 57, 60, 54),
)
#: Of the 106: between neighbours of the jaw; per eye the middles of both lids and two names of the centre; below each
#: brow, from the outside in on the image left and from the inside out on the right; beside the nose, from the top.
INSIGHTFACE_JAW_BETWEEN: Final = (*(9, 11, 13, 15, 2, 4, 6, 8), *(24, 22, 20, 18, 31, 29, 27, 25))
INSIGHTFACE_EYES: Final = ((40, 33, 34, 38), (94, 87, 88, 92))
INSIGHTFACE_BROWS_BELOW: Final = ((44, 45, 47, 46), (97, 98, 99, 100))
INSIGHTFACE_NOSE_SIDES: Final = ((75, 76, 77), (81, 82, 83))

#: MediaPipe's mesh as lines: name -> (indices, closed), under the names that its own drawing uses.
MESH_CURVES: Final = MappingProxyType(
    {
        "face_oval": ((
            *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
            *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
        ), True),
        "right_eye": ((33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7), True),
        "left_eye": ((263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249), True),
        "right_brow_upper": ((70, 63, 105, 66, 107), False),
        "right_brow_lower": ((46, 53, 52, 65, 55), False),
        "left_brow_upper": ((300, 293, 334, 296, 336), False),
        "left_brow_lower": ((276, 283, 282, 295, 285), False),
        "outer_lips": ((
            *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
            *(375, 321, 405, 314, 17, 84, 181, 91, 146),
        ), True),
        "inner_lips": ((
            *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
            *(324, 318, 402, 317, 14, 87, 178, 88, 95),
        ), True),
    }
)  # fmt: skip

#: COCO-WholeBody keeps the 68 face points at these places of its 133 keypoints.
COCO_WHOLEBODY_FACE: Final = (23, 91)


def part_of(index: int) -> Part:
    """The visibility part that landmark ``index`` (0..67) belongs to."""
    for part, points in PART_POINTS.items():
        if index in points:
            return part  # type: ignore[return-value]
    raise IndexError(f"landmark index {index} is outside 0..{N_POINTS - 1}")
