"""Two pictures of one place, laid over one another on the ground.

Both are first drawn as the ground seen from straight above, north up, by what their poses say;
what is left between them is a few metres and degrees. Features (SIFT: D. Lowe, IJCV 60, 2004) are
then matched only where that can be, and a homography is found by MAGSAC++ (D. Barath et al., CVPR
2020; OpenCV's USAC with a state of its own, so that the result is the same each time). It is
refused where too few features agree, where they cover too little of the picture, or where it
disagrees with the poses more than their errors allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geo.camera import Camera, Pose

__all__ = ["GroundFrame", "Registration", "register", "warp_to_ground"]

FloatArray = NDArray[np.float64]
Image = NDArray[np.uint8]

_FEATURES = 3000
_RATIO = 0.8
_CONTRAST = 0.02  # SIFT's own is 0.04: bare banks have little
_THRESHOLD_PX = 3.0
_LEAST_INLIERS, _LEAST_SHARE = 25, 0.15
# Inliers must lie in as many of 4 x 4 cells of the frame, else the far side is a guess.
_LEAST_CELLS, _CELLS = 5, 4
# How far registration may disagree with the poses: metres (95 % of two plain satellite fixes and
# their tilts, and a lasting bias), scale, degrees.
_SHIFT_M, _SCALE, _TURN_DEG = 12.0, (0.82, 1.22), 10.0
_SKEW = 0.12


@dataclass(frozen=True, slots=True)
class GroundFrame:
    """A picture of the ground from straight above, north up: its middle (east, north, metres), the
    height of its plane above the launch site, its side in pixels and a pixel's size."""

    east_m: float
    north_m: float
    up_m: float
    side_px: int
    gsd_m: float

    def pixels(self, ground_m: FloatArray) -> FloatArray:
        """(N, 2) east, north to (N, 2) pixels."""
        offset = (ground_m - [self.east_m, self.north_m]) / self.gsd_m
        return np.asarray(offset * [1.0, -1.0] + (self.side_px - 1) / 2)

    def ground(self, pixels_px: FloatArray) -> FloatArray:
        """(N, 2) pixels to (N, 2) east, north."""
        offset = (pixels_px - (self.side_px - 1) / 2) * [self.gsd_m, -self.gsd_m]
        return np.asarray(offset + np.array([self.east_m, self.north_m]))

    def to_picture(self, camera: Camera, pose: Pose) -> FloatArray:
        """(3, 3) homography from this frame's pixels to a picture's, its lens taken as straight.

        Of the plane alone: X_camera = R ([e, n, up] - C) is linear in (u, v, 1).
        """
        edge = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        plane = np.column_stack([self.ground(edge), np.full(3, self.up_m)])
        origin, along, down = pose.to_camera(plane)
        columns = np.column_stack([along - origin, down - origin, origin])
        u, v = camera.centre_px
        intrinsic = np.array([[camera.focal_px, 0, u], [0, camera.focal_px, v], [0, 0, 1.0]])
        return np.asarray(intrinsic @ columns)


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How the later picture lies on the earlier one: `transform` (3, 3) takes the earlier ground
    frame's pixels to the later one's. `reason` is '' where it is good, else why it was refused.

    `residual_px` is the median of what inliers miss it by, in the ground frame's pixels,
    `shift_m` (2,) how far the later poses put the ground among them east and north of the earlier.
    """

    transform: FloatArray
    inliers: int
    residual_px: float
    shift_m: FloatArray
    reason: str

    @property
    def good(self) -> bool:
        return not self.reason


def warp_to_ground(
    image: Image, camera: Camera, pose: Pose, frame: GroundFrame, onto: FloatArray | None = None
) -> tuple[Image, NDArray[np.bool_]]:
    """The ground in a picture as a frame, (side, side, 3) BGR, and which of its pixels the picture
    shows. `onto` (3, 3) goes before the pose: from the pixels wanted to the frame's.

    Averages where the picture is finer than the frame.
    """
    height, width = image.shape[:2]
    straight = image
    if camera.k1 or camera.k2:
        u, v = camera.centre_px
        matrix = np.array([[camera.focal_px, 0, u], [0, camera.focal_px, v], [0, 0, 1.0]])
        straight = cv2.undistort(image, matrix, np.array([camera.k1, camera.k2, 0.0, 0.0]))
    to_picture = frame.to_picture(camera, pose) @ (np.eye(3) if onto is None else onto)
    middle = (frame.side_px - 1) / 2
    ratio = _scale_at(to_picture, middle)
    if ratio > 1.5:  # shrunk: blur first, or fine texture becomes noise
        straight = cv2.GaussianBlur(straight, (0, 0), 0.4 * ratio)
    size = (frame.side_px, frame.side_px)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(straight, to_picture, size, flags=how)
    rows, columns = np.mgrid[0 : frame.side_px, 0 : frame.side_px]
    points = np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1) * 1.0
    there = to_picture @ points
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = there[0] / there[2], there[1] / there[2]
    inside = (there[2] > 0) & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return np.asarray(seen, np.uint8), inside.reshape(frame.side_px, frame.side_px)


def _scale_at(homography: FloatArray, at_px: float) -> float:
    """Pixels of the target for one of the source, at a place."""
    corners = np.array([[[at_px, at_px]], [[at_px + 1, at_px]], [[at_px, at_px + 1]]])
    o, a, b = cv2.perspectiveTransform(corners, homography)[:, 0]
    return math.sqrt(abs(float(np.linalg.det(np.array([a - o, b - o])))))


def register(
    earlier: Image,
    later: Image,
    shown_earlier: NDArray[np.bool_],
    shown_later: NDArray[np.bool_],
    gsd_m: float,
    expected_m: FloatArray | None = None,
) -> Registration:
    """Find how two ground frames of one place, (side, side, 3) BGR, lie on one another.

    `shown_*` say what of each is picture; `expected_m` (2,) is the offset known between the
    patrols, later minus earlier, about which features are looked for.
    """
    expected = np.zeros(2) if expected_m is None else expected_m
    side = earlier.shape[0]
    nothing = Registration(np.eye(3), 0, math.nan, np.zeros(2), "too few features")
    a, b = _features(earlier, shown_earlier), _features(later, shown_later)
    if a is None or b is None:
        return nothing
    wanted_px = expected / gsd_m * [1.0, -1.0]
    rows, columns = _correspond(a, b, wanted_px, _SHIFT_M / gsd_m)
    if len(rows) < _LEAST_INLIERS:
        return nothing
    from_px, to_px = a[0][rows], b[0][columns]
    found, kept = _homography(from_px, to_px)
    if found is None:
        return nothing
    inliers = int(kept.sum())
    miss = np.linalg.norm(_apply(found, from_px[kept]) - to_px[kept], axis=1)
    middle = np.median(from_px[kept], axis=0)[None] if inliers else np.zeros((1, 2))
    shift_m = (_apply(found, middle) - middle)[0] * [gsd_m, -gsd_m]
    cells = np.unique(np.floor(from_px[kept] / side * _CELLS), axis=0)
    reason = ""
    if inliers < _LEAST_INLIERS or inliers < _LEAST_SHARE * len(rows):
        reason = f"only {inliers} of {len(rows)} features agree"
    elif len(cells) < _LEAST_CELLS:
        reason = "the features that agree lie in one corner"
    else:
        reason = _against_poses(found, from_px[kept], shift_m - expected)
    return Registration(
        np.asarray(found), inliers, float(np.median(miss)) if inliers else math.nan, shift_m, reason
    )


def _features(image: Image, shown: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray] | None:
    """(N, 2) pixels and (N, 128) RootSIFT descriptors (R. Arandjelovic, A. Zisserman, CVPR 2012)
    of the picture with its contrast evened out."""
    grey = cv2.createCLAHE(3.0, (8, 8)).apply(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    mask = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8))
    points, rows = cv2.SIFT.create(_FEATURES, contrastThreshold=_CONTRAST).detectAndCompute(
        grey, mask
    )
    if rows is None or len(points) < _LEAST_INLIERS:
        return None
    unit = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-6)
    return np.array([p.pt for p in points], float), np.sqrt(unit).astype(float)


def _correspond(
    a: tuple[FloatArray, FloatArray], b: tuple[FloatArray, FloatArray], wanted_px: FloatArray,
    reach_px: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:  # fmt: skip
    """Features that are clearly each other's nearest among those that lie within reach."""
    likeness = 2.0 - 2.0 * (a[1] @ b[1].T)
    x = b[0][None, :, 0] - a[0][:, 0, None] - wanted_px[0]
    y = b[0][None, :, 1] - a[0][:, 1, None] - wanted_px[1]
    likeness = np.where(x * x + y * y <= reach_px**2, np.round(likeness, 6), np.inf)
    rows = np.arange(len(a[0]))
    best = likeness.argmin(axis=1)
    nearest = likeness[rows, best]
    mutual = likeness.argmin(axis=0)[best] == rows
    rest = likeness.copy()
    rest[rows, best] = np.inf
    second = rest.min(axis=1, initial=np.inf)
    clear = mutual & np.isfinite(nearest) & (nearest < _RATIO**2 * np.minimum(second, 2.0))
    return np.flatnonzero(clear), best[clear]


def _homography(
    from_px: FloatArray, to_px: FloatArray
) -> tuple[FloatArray | None, NDArray[np.bool_]]:
    params = cv2.UsacParams()
    params.confidence = 0.9999
    params.isParallel = False
    params.maxIterations = 8000
    params.threshold = _THRESHOLD_PX
    params.sampler = cv2.SAMPLING_UNIFORM
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA
    params.loIterations = 10
    params.loSampleSize = 20
    params.randomGeneratorState = 1
    try:
        found, _ = cv2.findHomography(from_px, to_px, params)
    except cv2.error:  # all points on one line, say
        return None, np.zeros(len(from_px), bool)
    if found is None or not np.all(np.isfinite(found)):
        return None, np.zeros(len(from_px), bool)
    miss = np.linalg.norm(_apply(found, from_px) - to_px, axis=1)
    return np.asarray(found, float), miss <= _THRESHOLD_PX


def _apply(homography: FloatArray, points_px: FloatArray) -> FloatArray:
    moved = cv2.perspectiveTransform(points_px.reshape(-1, 1, 2), homography)
    return np.asarray(moved, float).reshape(-1, 2)


def _against_poses(found: FloatArray, inliers_px: FloatArray, unexpected_m: FloatArray) -> str:
    """Why a homography cannot be what is left between two poses, there where features hold it;
    '' where it can."""
    low, high = np.percentile(inliers_px, [3, 97], axis=0)
    corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    moved = _apply(found, corners)
    sides = np.roll(moved, -1, axis=0) - moved
    before = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    lengths = np.linalg.norm(sides, axis=1) / np.maximum(before, 1.0)
    turns = np.degrees(
        [math.atan2(*(_cross_dot(s, t))) for s, t in zip(sides, _square(), strict=True)]
    )
    if float(np.linalg.norm(unexpected_m)) > _SHIFT_M:
        return f"{float(np.linalg.norm(unexpected_m)):.1f} m from where the poses put it"
    if lengths.min() < _SCALE[0] or lengths.max() > _SCALE[1]:
        return f"sizes differ by a factor of {lengths.min():.2f} to {lengths.max():.2f}"
    if np.abs(turns).max() > _TURN_DEG:
        return f"turned by {turns[np.abs(turns).argmax()]:.0f}°"
    opposite = max(abs(lengths[0] - lengths[2]), abs(lengths[1] - lengths[3]))
    if opposite > _SKEW:
        return "bent as no ground is"
    return ""


def _square() -> FloatArray:
    return np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], float)


def _cross_dot(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    return float(b[0] * a[1] - b[1] * a[0]), float(a @ b)
