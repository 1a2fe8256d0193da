"""A training run: fine-tune, keep a checkpoint each epoch, go on after a stop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detection.errors import ModelError, TrainingError
from detection.training.samples import CLASSES
from detection.training.settings import TrainingSettings
from detection.training.ultralytics_setup import load_yolo
from geo.files import replacing

__all__ = ["TrainingResult", "keep_weights", "train"]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Where the best weights are, after how many epochs, and their AP50 on the validation crops."""

    best: Path
    last: Path
    epochs: int
    ap50: float


def _callbacks(
    model: Any, settings: TrainingSettings, advance: Callable[[float, float, str], None]
) -> None:
    import torch

    def started(trainer: Any) -> None:
        # ultralytics sets the number of threads to one less than there are cores
        torch.set_num_threads(settings.threads)

    def batch_done(trainer: Any) -> None:
        batches = len(trainer.train_loader)
        done = trainer.epoch * batches + getattr(trainer, "_patrol_batch", 0) + 1
        trainer._patrol_batch = (getattr(trainer, "_patrol_batch", 0) + 1) % batches
        advance(done, trainer.epochs * batches, "")

    def epoch_done(trainer: Any) -> None:
        if trainer.epoch >= trainer.epochs:  # once more, after the last one, for the best weights
            return
        ap50 = float(trainer.metrics.get("metrics/mAP50(B)", 0.0))
        batches = len(trainer.train_loader)
        advance(
            (trainer.epoch + 1) * batches, trainer.epochs * batches,
            f"epoch {trainer.epoch + 1} / {trainer.epochs}: AP50 {ap50:.3f} on validation crops",
        )  # fmt: skip

    model.add_callback("on_train_start", started)
    model.add_callback("on_train_batch_end", batch_done)
    model.add_callback("on_fit_epoch_end", epoch_done)


def train(
    listing: Path,
    work: Path,
    settings: TrainingSettings,
    *,
    weights: Path | None = None,
    resume: bool = False,
    advance: Callable[[float, float, str], None] = lambda done, total, message: None,
) -> TrainingResult:
    """Train on the sets that the file `listing` (data.yaml) names; checkpoints go to `work`.

    Starts from `weights`, or from random ones where there are none, or with `resume` from the
    last checkpoint in `work`. `advance` is told batches done, batches in all, and after each
    epoch a line about it. A run that is interrupted keeps work/weights/last.pt.
    """
    if not listing.is_file():
        raise TrainingError(f"{listing}: no such file; build the training set first")
    last = work / "weights" / "last.pt"
    if resume:
        if not last.is_file():
            raise TrainingError(f"{last}: no checkpoint to resume from; leave --resume out")
        model = load_yolo(last)
        checkpoint: dict[str, Any] = model.ckpt or {}
        if checkpoint.get("epoch", -1) < 0 or not checkpoint.get("optimizer"):
            raise TrainingError(f"{last}: this run is finished; start another from it with --from")
    else:
        if weights is not None and not weights.is_file():
            raise ModelError(f"{weights}: no such weights file; leave --from out to start anew")
        model = load_yolo(weights or Path(settings.network))
    _callbacks(model, settings, advance)
    before = os.environ.get("OMP_NUM_THREADS")
    model.train(
        data=str(listing.resolve()), epochs=settings.epochs, imgsz=settings.side_px,
        batch=settings.batch, seed=settings.seed, deterministic=True, device=settings.device,
        freeze=settings.freeze or None, optimizer="AdamW", lr0=settings.learning_rate,
        lrf=settings.last_learning_rate_share, patience=settings.patience, cache=False,
        warmup_epochs=min(1.0, settings.epochs / 4), cos_lr=True, close_mosaic=2, workers=0,
        project=str(work.parent.resolve()), name=work.name, exist_ok=True, plots=settings.plots,
        verbose=False, amp=settings.device != "cpu", save_period=1,
        resume=str(last) if resume else False, **settings.augmented,
    )  # fmt: skip
    if before is not None:
        os.environ["OMP_NUM_THREADS"] = before
    best = work / "weights" / "best.pt"
    if not best.is_file():
        raise TrainingError(f"{work}: the run ended without weights; see the messages above")
    metrics = model.trainer.metrics or {}
    return TrainingResult(
        best,
        last,
        min(model.trainer.epoch + 1, settings.epochs),
        float(metrics.get("metrics/mAP50(B)", 0.0)),
    )


def keep_weights(best: Path, target: Path) -> None:
    """Copy `best` to `target` in half precision without the optimiser, and check its classes.

    What the checkpoint knows of the machine it was trained on (paths) is left out.
    """
    import torch

    model = load_yolo(best)
    names = tuple(model.names[index] for index in sorted(model.names))
    if names != CLASSES:
        raise ModelError(f"{best}: classes {', '.join(names)}; expected {', '.join(CLASSES)}")
    trained = model.model.float()
    structure = {k: v for k, v in trained.yaml.items() if k != "yaml_file"}
    network = type(trained)(structure, nc=len(CLASSES), verbose=False)
    network.load_state_dict(trained.state_dict())
    network.names = dict(enumerate(CLASSES))
    network.args = {"imgsz": int(trained.args.get("imgsz", 640)), "task": "detect"}
    network.eval()
    for parameter in network.parameters():
        parameter.requires_grad = False
    checkpoint = {"epoch": -1, "model": network.half(), "ema": None, "optimizer": None,
                  "train_args": {"task": "detect", "imgsz": network.args["imgsz"]},
                  "license": "AGPL-3.0"}  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as beside:
        torch.save(checkpoint, beside)
    shutil.copymode(best, target)
