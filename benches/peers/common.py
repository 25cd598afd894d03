"""What the Python peers share: options, data, and the one line of JSON that each of them prints."""

import argparse
import gzip
import json
import pathlib
import sys
import time

import numpy as np

BATCH = {"moons": 32}
# As limpide's: of the loss summed over the batch, except for moons, where it is the mean.
RATE = {"dense": 0.01, "cnn": 0.001, "autoencoder": 0.02 / 64, "moons": 0.1}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
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


def mnist(part, count, folder, dtype):
    """Images (n, 784) in [0, 1] and labels: MNIST where it is found, else random bytes."""
    for place in [folder / "mnist", folder] if folder else []:
        for end in ["", ".gz"]:
            images = place / f"{part}-images-idx3-ubyte{end}"
            labels = place / f"{part}-labels-idx1-ubyte{end}"
            if images.is_file() and labels.is_file():
                return idx(images).reshape(-1, 784).astype(dtype) / dtype(255), idx(labels).astype(np.int64)
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (count, 784), dtype=np.uint8)
    return pixels.astype(dtype) / dtype(255), random.integers(0, 10, count)


def moons(count, dtype):
    """Two half circles with noise, (n, 2), and labels (n, 1)."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, np.pi, count)
    label = np.arange(count) % 2
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    points = np.stack([x, y], 1) + random.normal(0, 0.2, (count, 2))
    return points.astype(dtype), label.astype(dtype).reshape(-1, 1)


def training_data(workload, folder, dtype):
    """Inputs and what they should become."""
    if workload == "moons":
        return moons(32_000, dtype)
    x, labels = mnist("train", 60_000, folder, dtype)
    return (x.reshape(-1, 1, 28, 28) if workload == "cnn" else x), (x if workload == "autoencoder" else labels)


def timed(epochs, run):
    """The seconds of each of some calls, and what the last one gave."""
    seconds, result = [], None
    for _ in range(epochs):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return seconds, result


def one_row_us(predict, calls=2_000):
    """Microseconds of a call."""
    for _ in range(50):
        predict()
    rounds = [timed(calls // 20, predict)[0] for _ in range(20)]
    return sorted(sum(times) / len(times) for times in rounds)[10] * 1e6


def report(**figures):
    print(json.dumps(figures))


def unsupported(workload):
    sys.exit(f"this peer has no workload {workload}")
