"""How fast training is: against plain PyTorch, and how much the loop around the network costs.

python benchmarks/training.py                 60 steps of the default run; the options of train.py are accepted

After every step of a real run (data, augmentation, Lightning, logging), one step of the same network is taken in plain
eager float32 with contiguous memory, and one bare step as the run takes it. So all three see the same weather on a
noisy machine. Printed are medians over the steps, and their ratios.
"""

import copy
import sys
import tempfile
import time
from statistics import median

import torch
import torch.nn.functional as F
from kornia.losses import dice_loss
from lightning.pytorch import Callback

from unetlite.settings import compose_run

WARM_UP = 5  # steps


class BareStep:
    """Forward, loss, backward, clipping and AdamW on one batch, and nothing around it."""

    def __init__(self, network, *, fast: bool, bfloat16: bool = False):
        self.bfloat16 = bfloat16
        self.network = copy.deepcopy(network).to(memory_format=torch.channels_last if fast else torch.contiguous_format)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, fused=fast)

    def seconds(self, image, mask) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(image).float()
            loss = F.cross_entropy(logits, mask, ignore_index=255) + dice_loss(
                logits, mask, average="macro", ignore_index=255
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return time.perf_counter() - start


class Compare(Callback):
    def on_train_start(self, trainer, module):
        bfloat16 = trainer.precision == "bf16-mixed"
        self.steps = {
            "plain": BareStep(module.network, fast=False),
            "bare": BareStep(module.network, fast=True, bfloat16=bfloat16),
        }
        self.times = {"run": [], "bare": [], "plain": []}
        self.resumed = time.perf_counter()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.times["run"].append(time.perf_counter() - self.resumed)
        for name, step in self.steps.items():
            self.times[name].append(step.seconds(batch.image, batch.mask.long()))
        self.resumed = time.perf_counter()

    def on_train_epoch_start(self, trainer, module):
        self.resumed = time.perf_counter()  # leaves the validation out


def main() -> None:
    import unetlite.train
    import unetlite.training.trainer

    compare = Compare()
    make_trainer = unetlite.training.trainer.make_trainer

    def make_and_compare(*arguments):
        trainer = make_trainer(*arguments)
        trainer.callbacks.insert(0, compare)
        return trainer

    unetlite.training.trainer.make_trainer = make_and_compare
    with tempfile.TemporaryDirectory() as outputs:
        config = compose_run(
            ["trainer.max_steps=60", *sys.argv[1:], f"output_dir={outputs}", "trainer.accelerator=cpu"]
        )
        unetlite.train.train(config)

    times = {name: median(seconds[WARM_UP:]) for name, seconds in compare.times.items()}
    batch = config["data"]["batch_size"]
    print(f"\n{len(compare.times['run']) - WARM_UP} steps of {batch} images, {torch.get_num_threads()} threads")
    for name, meaning in {
        "plain": "eager float32, contiguous",
        "bare": "as the run computes, without the loop",
        "run": "the run: data, augmentation, Lightning, logging",
    }.items():
        print(f"{name:6} {1000 * times[name]:6.0f} ms  {batch / times[name]:6.1f} images/s   {meaning}")
    print(f"speed-up of the run over plain: {times['plain'] / times['run']:.2f}")
    print(f"cost of the loop over the bare step: {100 * (times['run'] / times['bare'] - 1):+.1f} %")


if __name__ == "__main__":
    main()
