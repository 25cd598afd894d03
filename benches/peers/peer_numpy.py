"""NumPy: the dense workload written out by hand; the large arrays of a step live in buffers made once."""

import common
import numpy as np


def main():
    options = common.options()
    if options.workload != "dense":
        common.unsupported(options.workload)
    dtype = {"f32": np.float32, "f64": np.float64}[options.dtype]
    x, y = common.training_data(options, dtype)
    y = np.eye(10, dtype=dtype)[y]
    random = np.random.default_rng(1)
    w1, w2 = (random.normal(0, 0.1, shape).astype(dtype) for shape in [(784, 128), (128, 10)])
    b1, b2 = np.zeros(128, dtype), np.zeros(10, dtype)
    rate = dtype(common.RATE["dense"])
    # Fresh ones of this size go back to the system at each step, which costs f64 half of its time.
    w1_slope = np.empty_like(w1)

    def epoch():
        nonlocal w1, w2, b1, b2, w1_slope
        order, total = random.permutation(len(x)), 0.0
        for start in range(0, len(x), 64):
            rows = order[start : start + 64]
            batch, wanted = x[rows], y[rows]
            h = np.tanh(batch @ w1 + b1)
            z = h @ w2 + b2
            e = np.exp(z - z.max(1, keepdims=True))
            p = e / e.sum(1, keepdims=True)
            total -= np.log(np.maximum((p * wanted).sum(1), np.finfo(dtype).tiny)).sum()
            delta2 = p - wanted
            delta1 = (delta2 @ w2.T) * (1 - h * h)
            w2 -= rate * (h.T @ delta2)
            b2 -= rate * delta2.sum(0)
            np.matmul(batch.T, delta1, out=w1_slope)
            w1_slope *= rate
            w1 -= w1_slope
            b1 -= rate * delta1.sum(0)
        return float(total)

    total = common.turns(options, epoch)
    common.report(loss=total / len(x))


main()
