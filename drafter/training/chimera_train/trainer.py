"""Training: steps, checkpoints, and what is logged of them."""

import dataclasses
import math
import time
from pathlib import Path

import torch

from chimera_train.batch import Batch
from chimera_train.batch_order import batch_order, read_batches
from chimera_train.checkpoint import Checkpoint, Progress
from chimera_train.curve import FILE_NAME as CURVE_FILE
from chimera_train.curve import read_curve, write_csv
from chimera_train.dataset import Dataset
from chimera_train.distributed import Processes, mixed_precision
from chimera_train.drafter import Drafter
from chimera_train.errors import ChimeraTrainError
from chimera_train.evaluator import quick_figures
from chimera_train.losses import DistillationLoss, TargetDistribution
from chimera_train.optimizer import DrafterOptimizer, learning_rate_factor
from chimera_train.recipe import Budget, Recipe
from chimera_train.run_inputs import describe_inputs
from chimera_train.target import Target
from chimera_train.training_log import TrainingLog


_REPORT_INTERVAL = 20  # steps


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What may change from one sitting of a run to the next."""

    folder: Path  # holds checkpoint, log and plot
    budget: Budget
    held_out: Dataset | None = None  # watched during training
    checkpoint_interval: int = 100  # steps
    evaluation_interval: int = 50  # steps


class Trainer:
    """Trains one drafter on one data set."""

    def __init__(
        self,
        drafter: Drafter,
        target: Target,
        dataset: Dataset,
        recipe: Recipe,
        processes: Processes,
        product_dtype: torch.dtype,
        tokens_before: int = 0,
    ) -> None:
        """Matrix products are computed in `product_dtype`. `tokens_before` are response tokens that the drafter saw in
        other runs."""
        self._drafter = drafter
        self._dataset = dataset
        self._recipe = recipe
        self._processes = processes
        self._product_dtype = product_dtype
        labels = _soft_labels(drafter, target, recipe, product_dtype)
        self._loss = processes.wrap(DistillationLoss(drafter, labels, recipe.depth_decay))
        self._optimizer = DrafterOptimizer(drafter, recipe.optimizer, recipe.learning_rate, recipe.weight_decay)
        self._progress = Progress(response_tokens=tokens_before)
        self._lengths = dataset.lengths()
        self._inputs = describe_inputs(dataset, processes.size)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Goes on where `checkpoint` stands. REQUIRES: the drafter holds its weights already."""
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self._progress = dataclasses.replace(checkpoint.progress)

    def run(self, options: RunOptions) -> None:
        """Trains until the budget is spent, and leaves a checkpoint at the end."""
        log = TrainingLog(options.folder, self._progress.step) if self._processes.is_first else None
        first_step = self._progress.step
        while self._spent(options.budget) < 1:
            self._run_epoch(options, log)
        if self._progress.step > first_step and self._progress.step % options.evaluation_interval != 0:
            self._evaluate(options, log)
        self._save(options, log)
        if log is not None:
            log.close()

    def _run_epoch(self, options: RunOptions, log: TrainingLog | None) -> None:
        batches = self._epoch_batches()
        for batch in read_batches(self._dataset, batches[self._progress.batch :]):
            spent = self._spent(options.budget)
            if spent >= 1:
                return
            scalars = self._step(batch.to(self._processes.device), spent)
            if log is not None:
                log.add(self._progress.step - 1, scalars)
                if self._progress.step % _REPORT_INTERVAL == 0:
                    print(_describe(self._progress, scalars, spent), flush=True)
            if self._progress.step % options.evaluation_interval == 0:
                self._evaluate(options, log)
            if self._progress.step % options.checkpoint_interval == 0:
                self._save(options, log)
        self._progress.epoch += 1
        self._progress.batch = 0

    def _epoch_batches(self) -> list[list[int]]:
        """This process's share of the epoch; all shares are equally long."""
        batches = batch_order(self._lengths, self._recipe.batch_size, self._recipe.seed, self._progress.epoch)
        size = self._processes.size
        if len(batches) < size:
            raise ChimeraTrainError(
                f"{len(self._lengths)} sequences give {len(batches)} batches of {self._recipe.batch_size}, "
                f"fewer than the {size} processes"
            )
        return batches[: len(batches) // size * size][self._processes.rank :: size]

    def _spent(self, budget: Budget) -> float:
        """Fraction of the budget that is spent, the same in all processes."""
        per_process = math.ceil(len(self._lengths) / self._recipe.batch_size) // self._processes.size
        epochs = self._progress.epoch + self._progress.batch / max(1, per_process)
        return self._processes.first_value(budget.progress(self._progress.seconds, epochs))

    def _step(self, batch: Batch, spent: float) -> dict[str, float]:
        """One step of the optimizer. Returns what to log of it."""
        started = time.monotonic()
        progress, recipe = self._progress, self._recipe
        generator = torch.Generator(batch.token_ids.device)
        generator.manual_seed((recipe.seed << 40) + progress.step * self._processes.size + self._processes.rank)
        n_levels = self._level_count(spent)
        with mixed_precision(self._processes.device, self._product_dtype):
            loss = self._loss(
                batch,
                _add_noise(batch.hidden_states, recipe.state_noise, generator),
                n_levels,
                _random_mask(len(batch.anchors), recipe.rollout_fraction, generator),
            )
        if not torch.isfinite(loss):
            raise ChimeraTrainError(_explain_loss(loss.item(), batch, progress))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._drafter.parameters(), recipe.gradient_clip)
        rate = learning_rate_factor(progress.step, spent, recipe.warmup_steps)
        self._optimizer.step(rate)
        response_tokens = self._processes.sum(len(batch.anchors))
        seconds = time.monotonic() - started
        progress.step += 1
        progress.batch += 1
        progress.seconds += seconds
        progress.response_tokens += response_tokens
        return {
            "loss": loss.item(),
            "gradient_norm": float(norm),
            "learning_rate": recipe.learning_rate * rate,
            "levels": n_levels,
            "response_tokens": progress.response_tokens,
            "seconds": progress.seconds,
            "tokens_per_second": response_tokens / seconds,
        }

    def _level_count(self, spent: float) -> int:
        if self._drafter.config.depth_heads > 1:
            return self._drafter.config.depth_heads
        return 1 if spent < self._recipe.single_step_fraction else self._recipe.rollout_steps

    def _evaluate(self, options: RunOptions, log: TrainingLog | None) -> None:
        if log is None or options.held_out is None:
            return
        figures = quick_figures(self._drafter, options.held_out, self._processes.device, self._product_dtype)
        spent = {"response_tokens": self._progress.response_tokens, "seconds": self._progress.seconds}
        log.add(self._progress.step - 1, spent | figures)
        print("held out: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)

    def _save(self, options: RunOptions, log: TrainingLog | None) -> None:
        if log is None:
            return
        Checkpoint(
            config=self._drafter.config,
            recipe=self._recipe,
            source=self._dataset.source,
            progress=self._progress,
            drafter=self._drafter.state_dict(),
            optimizer=self._optimizer.state_dict(),
            inputs=self._inputs,
            product_dtype=self._product_dtype,
        ).save(options.folder)
        log.plot()
        write_csv(read_curve(options.folder), options.folder / CURVE_FILE)


def _soft_labels(
    drafter: Drafter, target: Target, recipe: Recipe, product_dtype: torch.dtype
) -> TargetDistribution | None:
    if recipe.labels == "hard":
        return None
    if drafter.config.tapped_layers[-1] != target.layer_count:
        raise ChimeraTrainError(
            f"soft labels need the output of the last layer, {target.layer_count}, "
            f"but tapped_layers are {drafter.config.tapped_layers}; use hard labels"
        )
    rows = target.output[drafter.draft_vocabulary]
    return TargetDistribution(target.output_norm, rows, target.rms_norm_epsilon, product_dtype)


def _add_noise(hidden_states: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
    """Adds uniform noise of +-scale times the mean magnitude of each tapped layer. [n, n_tapped, D]."""
    if scale == 0:
        return hidden_states
    magnitude = hidden_states.float().abs().mean(dim=(0, 2), keepdim=True)
    noise = torch.rand(hidden_states.shape, generator=generator, device=hidden_states.device)
    return (hidden_states + (2 * noise - 1) * scale * magnitude).bfloat16()


def _random_mask(n: int, fraction: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator, device=generator.device) < fraction


def _explain_loss(loss: float, batch: Batch, progress: Progress) -> str:
    text = f"loss is {loss} at step {progress.step} (epoch {progress.epoch}, batch {progress.batch})"
    finite = torch.isfinite(batch.hidden_states).flatten(1).all(dim=1)
    bad = batch.sequence_ids[~finite]
    if len(bad):
        return f"{text}: hidden states of {batch.origins[int(bad[0])]} are not finite"
    return f"{text}, though its data are finite: the learning rate is too high"


def _describe(progress: Progress, scalars: dict[str, float], spent: float) -> str:
    left = progress.seconds * (1 - spent) / spent / 60 if spent > 0 else float("nan")
    return (
        f"step {progress.step}, epoch {progress.epoch}, loss {scalars['loss']:.3f}, levels {scalars['levels']}, "
        f"{scalars['tokens_per_second']:.0f} tokens/s, {spent:.1%} of the budget, {left:.0f} min left"
    )
