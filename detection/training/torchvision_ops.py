"""Non-maximum suppression for torchvision where its compiled operators cannot be loaded.

PyTorch's CPU wheels come from an index of their own; where torchvision has to be taken from
another one, its `_C` library was built against another torch and does not load. torchvision then
cannot even be imported, because it registers shapes for an operator that does not exist. What a
detector needs of it is two operators, so they are defined here through OpenCV, and only then.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["ensure_torchvision_ops", "nms_indices"]

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_library: Any = None  # the definitions last as long as this object


def nms_indices(
    boxes_px: NDArray[np.float32], scores: NDArray[np.float32], iou_threshold: float
) -> NDArray[np.int64]:
    """Indices of the boxes that stay, best score first.

    `boxes_px` is (N, 4) as x1, y1, x2, y2 and `scores` (N,), in any order. A box goes when it
    overlaps a better one by more than `iou_threshold`; equal scores keep their order.
    """
    if len(boxes_px) == 0:
        return np.empty(0, np.int64)
    # OpenCV drops scores of zero and below and does not promise an order for equal ones: hand it
    # ranks instead, which are all different and positive.
    order = np.argsort(-scores, kind="stable")
    ordered = boxes_px[order].astype(np.float64)
    corners_and_sizes = np.hstack([ordered[:, :2], ordered[:, 2:] - ordered[:, :2]])
    ranks = np.arange(len(order), 0, -1, dtype=np.float32)
    kept = cv2.dnn.NMSBoxes(corners_and_sizes.tolist(), ranks.tolist(), 0.0, float(iou_threshold))
    return np.asarray(order[np.sort(np.asarray(kept, np.int64).reshape(-1))], np.int64)


def _nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    import torch

    kept = nms_indices(
        dets.detach().float().cpu().numpy(), scores.detach().float().cpu().numpy(), iou_threshold
    )
    return torch.from_numpy(kept).to(dets.device)


def _compiled_ops_load() -> bool:
    import torch

    spec = importlib.util.find_spec("torchvision")  # finds without importing
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in sorted(Path(folder).glob("_C*.so")) + sorted(Path(folder).glob("_C*.pyd")):
            try:
                torch.ops.load_library(str(library))
            except OSError:  # built against another torch
                continue
            return True
    return False


def ensure_torchvision_ops() -> bool:
    """Make `import torchvision` and its NMS work; call before torchvision is first imported.

    Returns True where the compiled operators load, and nothing is changed; False where the
    replacement was defined. Calling it again is harmless.
    """
    global _library
    if _library is not None:
        return False
    if _compiled_ops_load():
        return True
    import torch

    _library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        _library.define(name + _SCHEMA)
    _library.impl("nms", _nms, "CPU")
    _library.impl("qnms", _nms, "QuantizedCPU")
    import torchvision.extension

    # torchvision.ops asks this before it calls the operator
    torchvision.extension._has_ops = lambda: True
    return False
