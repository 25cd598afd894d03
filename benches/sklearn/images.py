#!/usr/bin/env python3
"""`limpide train` on images that nobody described, with no option at all.

    benches/sklearn/images.py --data DIR

makes three small sets with tests of their own, trains on each from several start values and scores the tests:

mnist600   the first 600 images of MNIST; the test is MNIST's own 10,000
digits     1,000 of scikit-learn's digits of 8x8 pixels; the test is the other 797
scenes     1,500 digits of MNIST in any colour, size and place on backgrounds of any colour, 64x64; the test is 1,000 such of other digits

`--data DIR` has the four files of MNIST (`limpide data fetch mnist`). The first call makes the virtual environment of
requirements.txt; needs Python 3.11 and Cargo.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import run as tables

SETS = ["mnist600", "digits", "scenes"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="the folder with the files of MNIST")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3, help="start values, 1 and on (default 3)")
    parser.add_argument("--python", help="an interpreter that has the packages, instead of .venv")
    parser.add_argument("--limpide", help="a binary that is built, instead of building one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to limpide train")
    return parser.parse_args()


def mnist(folder, part):
    """Images (n, 28, 28) and labels."""
    import numpy as np

    def idx(name):
        content = gzip.decompress((folder / f"{part}-{name}-ubyte.gz").read_bytes())
        axes = content[3]
        shape = np.frombuffer(content, ">u4", axes, 4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)

    return idx("images-idx3"), idx("labels-idx1")


def scene(digit, random):
    """A digit in a colour, size and place on a slanting background with noise, (3, 64, 64)."""
    import numpy as np

    side = random.integers(24, 52)
    at = np.arange(side) * 28 // side
    down, across = random.integers(0, 65 - side, 2)
    mask = np.zeros((64, 64))
    mask[down:down + side, across:across + side] = digit[at][:, at] / 255
    y, x = np.mgrid[0:64, 0:64] / 64
    slopes = random.random((3, 2, 1, 1)) - 0.5
    back = random.random((3, 1, 1)) + slopes[:, 0] * x + slopes[:, 1] * y + 0.06 * random.standard_normal((3, 64, 64))
    ink = random.random((3, 1, 1))
    while abs(ink.mean() - back.mean()) < 0.25:
        ink = random.random((3, 1, 1))
    return (255 * np.clip(back * (1 - mask) + ink * mask, 0, 1)).astype(np.uint8)


def made(name, folder):
    """Images and labels to train on, and those of the test."""
    import numpy as np

    if name == "digits":
        from sklearn.datasets import load_digits

        digits, order = load_digits(), np.random.default_rng(1).permutation(1797)
        images = np.minimum(16 * digits.images, 255).astype(np.uint8)[:, None]
        return images[order[:1000]], digits.target[order[:1000]], images[order[1000:]], digits.target[order[1000:]]
    (x, y), (test_x, test_y) = mnist(folder, "train"), mnist(folder, "t10k")
    if name == "mnist600":
        return x[:600, None], y[:600], test_x[:, None], test_y
    random = np.random.default_rng(1)
    scenes = [np.stack([scene(digit, random) for digit in all]) for all in (x[:1500], test_x[:1000])]
    return scenes[0], y[:1500], scenes[1], test_y[:1000]


def main():
    args = options()
    python = args.python or tables.environment()
    if pathlib.Path(sys.executable) != pathlib.Path(python):
        sys.exit(subprocess.run([python, __file__, *sys.argv[1:], "--python", python]).returncode)
    import numpy as np

    binary = args.limpide or tables.build()
    print("| set | images | accuracy on the test | seconds of training |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as place:
        for name in args.sets:
            train, test = pathlib.Path(place) / f"{name}.npz", pathlib.Path(place) / f"{name}-test.npz"
            x, y, test_x, test_y = made(name, args.data)
            np.savez(train, x=x, y=y)
            np.savez(test, x=test_x, y=test_y)
            scores, seconds = [], []
            for seed in range(1, args.seeds + 1):
                out = f"{place}/{name}-{seed}"
                settings = [word for setting in [*args.set, f"seed={seed}"] for word in ("--set", setting)]
                start = time.perf_counter()
                done = subprocess.run([binary, "train", train, "--out", out, *settings], capture_output=True, text=True)
                seconds.append(time.perf_counter() - start)
                if done.returncode:
                    sys.exit(done.stderr)
                scored = subprocess.run([binary, "eval", out, test, "--json"], capture_output=True, text=True, check=True)
                scores.append(json.loads(scored.stdout)["accuracy"])
            print(f"| {name} | {len(x)} | {tables.shown(scores)} | {statistics.fmean(seconds):.1f} |", flush=True)


if __name__ == "__main__":
    main()
