"""What the Python peers share: options, data, turns and the lines of JSON that each of them prints."""

import argparse
import gzip
import json
import pathlib
import sys
import time

import numpy as np

BATCH = {"moons": 32}
# Predictions of one row in a turn, since one alone is too short for the clock.
ROWS = 2_000
# As limpide's: of the loss summed over the batch, except for moons, where it is the mean.
RATE = {"dense": 0.01, "cnn": 0.001, "normed": 0.001, "autoencoder": 0.02 / 64, "moons": 0.1}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--images", type=int, help="the first so many only")
    parser.add_argument("--dtype", choices=["f32", "f64"], default="f32")
    parser.add_argument("--data", type=pathlib.Path)
    return parser.parse_args()


def idx(path):
    """The array of an IDX file of bytes, plain or gzip."""
    open_it = gzip.open if path.suffix == ".gz" else open
    with open_it(path, "rb") as file:
        content = file.read()
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(part, count, options, dtype):
    """Images (n, 784) in [0, 1] and labels: MNIST where it is found, else random bytes; the first `--images` of them."""
    pixels, labels = found_or_random(part, count, options.data)
    first = slice(options.images)
    return pixels[first].reshape(-1, 784).astype(dtype) / dtype(255), labels[first].astype(np.int64)


def found_or_random(part, count, folder):
    for place in [folder / "mnist", folder] if folder else []:
        for end in ["", ".gz"]:
            images = place / f"{part}-images-idx3-ubyte{end}"
            labels = place / f"{part}-labels-idx1-ubyte{end}"
            if images.is_file() and labels.is_file():
                return idx(images), idx(labels)
    random = np.random.default_rng(1)
    return random.integers(0, 256, (count, 784), dtype=np.uint8), random.integers(0, 10, count)


def moons(count, dtype):
    """Two half circles with noise, (n, 2), and labels (n, 1)."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, np.pi, count)
    label = np.arange(count) % 2
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    points = np.stack([x, y], 1) + random.normal(0, 0.2, (count, 2))
    return points.astype(dtype), label.astype(dtype).reshape(-1, 1)


def training_data(options, dtype):
    """Inputs and what they should become."""
    workload = options.workload
    if workload == "moons":
        return moons(32_000, dtype)
    x, labels = mnist("train", 60_000, options, dtype)
    return (x.reshape(-1, 1, 28, 28) if workload in ["cnn", "normed"] else x), (x if workload == "autoencoder" else labels)


def seconds_of(run):
    """The seconds of a call, and what it gave."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def best_batch(batches, run):
    """The batch of the fastest call, each tried twice: which one suits a library's kernels is not known beforehand."""
    return min(batches, key=lambda batch: min(seconds_of(lambda: run(batch))[0] for _ in range(2)))


def turns(options, run):
    """Calls `run` whenever a line comes on stdin, at most `--epochs` times, and reports the seconds; gives the last result."""
    report(ready=True)
    result = None
    for _ in range(options.epochs):
        if not sys.stdin.readline():
            break
        seconds, result = seconds_of(run)
        report(seconds=seconds)
    return result


def report(**figures):
    print(json.dumps(figures), flush=True)


def unsupported(workload):
    sys.exit(f"this peer has no workload {workload}")
