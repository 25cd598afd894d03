"""PyTorch, eager, whole data set in memory as tensors: as fast as it goes without compiling."""

import json
import sys
import time

import common
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def networks(workload):
    if workload == "dense":
        return nn.Sequential(nn.Linear(784, 128), nn.Tanh(), nn.Linear(128, 10))
    if workload == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1568, 10),
        )
    if workload == "normed":
        block = lambda a, b: [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.SiLU(), nn.MaxPool2d(2)]
        ends = [nn.Flatten(), nn.Linear(1568, 128), nn.SiLU(), nn.Dropout(0.2), nn.Linear(128, 10)]
        return nn.Sequential(*block(1, 16), *block(16, 32), *ends).to(memory_format=torch.channels_last)
    if workload == "autoencoder":
        sizes = [784, 128, 64, 32, 64, 128, 784]
        ends = [[nn.Tanh()], [nn.Tanh()], [], [nn.Tanh()], [nn.Tanh()], [nn.Sigmoid()]]
        return nn.Sequential(*(m for a, b, end in zip(sizes, sizes[1:], ends) for m in [nn.Linear(a, b), *end]))
    if workload == "moons":
        return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    common.unsupported(workload)


LOSSES = {
    "dense": lambda z, y: F.cross_entropy(z, y, reduction="sum"),
    "cnn": lambda z, y: F.cross_entropy(z, y, reduction="sum"),
    "normed": lambda z, y: F.cross_entropy(z, y, reduction="sum"),
    "autoencoder": lambda z, y: F.mse_loss(z, y, reduction="sum"),
    "moons": F.binary_cross_entropy_with_logits,
}


def train(options, dtype):
    x, y = map(torch.from_numpy, common.training_data(options, dtype))
    network, loss_of = networks(options.workload).to(x.dtype), LOSSES[options.workload]
    optimizer = torch.optim.SGD(network.parameters(), common.RATE[options.workload])
    batch = common.BATCH.get(options.workload, 64)

    def epoch(count=None):
        total = 0.0
        for rows in torch.randperm(len(x))[:count].split(batch):
            optimizer.zero_grad()
            loss = loss_of(network(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total)

    epoch(20 * batch)
    total = common.turns(options, epoch)
    terms = {"moons": len(x) / batch, "autoencoder": x.numel()}.get(options.workload, len(x))
    common.report(loss=total / terms)


@torch.inference_mode()
def inference(options, dtype):
    x = torch.from_numpy(common.mnist("t10k", 10_000, options, dtype)[0]).reshape(-1, 1, 28, 28)
    network = networks("cnn").to(x.dtype).eval()
    run = lambda batch: [network(part) for part in x.split(batch)]
    best = common.best_batch([64, 250, 1_000], run)
    common.turns(options, lambda: run(best))
    common.report(batch=best)


@torch.inference_mode()
def row(options, dtype):
    one = torch.from_numpy(np.ones((1, 784), dtype))
    network = networks("dense").to(one.dtype).eval()
    run = lambda: [network(one) for _ in range(common.ROWS)]
    run()
    common.turns(options, run)
    common.report()


def layer_of(description):
    """The layer of one line of limpide's sweep; its options have PyTorch's names."""
    options = dict(description)
    kind = options.pop("type")
    return {"Linear": nn.Linear, "Conv2d": nn.Conv2d, "ConvTranspose2d": nn.ConvTranspose2d}[kind](**options)


def sweep():
    """Forward and backward (parameters and input) of each layer that stands on stdin, a JSON object a line."""
    common.report(ready=True)
    for line in sys.stdin:
        row = json.loads(line)
        layer = layer_of(row["layer"])
        x = torch.rand(row["input"]).sub(0.5).requires_grad_()
        delta = torch.rand_like(layer(x))
        wanted = [x, *layer.parameters()]
        forward, backward = [], []
        start = time.perf_counter()
        while len(forward) < 5 or time.perf_counter() - start < 0.15:
            before = time.perf_counter()
            z = layer(x)
            between = time.perf_counter()
            torch.autograd.grad(z, wanted, delta)
            backward.append(time.perf_counter() - between)
            forward.append(between - before)
        forward_us, backward_us = np.median(forward) * 1e6, np.median(backward) * 1e6
        common.report(forward_us=forward_us, backward_us=backward_us, us=forward_us + backward_us)


def main():
    options = common.options()
    torch.set_num_threads(options.threads)
    dtype = {"f32": np.float32, "f64": np.float64}[options.dtype]
    if options.workload == "sweep":
        sweep()
    elif options.workload in ["inference", "row"]:
        {"inference": inference, "row": row}[options.workload](options, dtype)
    else:
        train(options, dtype)


main()
