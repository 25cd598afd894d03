"""Prints the coefficient tables of kernels/src/math/lane.rs: minimax polynomials by Remez exchange, in 60 digits.

Needs mpmath. Beside each table stands the error that the polynomial alone makes, in units of the last place.
"""

import struct

from mpmath import atanh, cos, erf, erfc, expm1, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60


def remez(f, weight, a, b, degree):
    """Coefficients p, lowest degree first, of least max |weight(x) (f(x) - p(x))| on [a, b], and that maximum."""
    middle, half, count = (a + b) / 2, (b - a) / 2, degree + 2
    nodes = [middle - half * (1 - mpf("1e-9")) * cos(pi * k / (count - 1)) for k in range(count)]
    grid = [middle - half * cos(pi * (k + mpf(1) / 2) / 1500) for k in range(1500)]
    table = [(x, f(x), weight(x)) for x in grid]
    for _ in range(12):
        rows = [[x**j for j in range(degree + 1)] + [(-1) ** k / weight(x)] for k, x in enumerate(nodes)]
        *p, level = lu_solve(matrix(rows), matrix([f(x) for x in nodes]))
        errors = [(x, w * (y - mp.polyval(p[::-1], x))) for x, y, w in table]
        largest = max(abs(e) for _, e in errors)
        peaks = []  # the largest error of each run of one sign
        for x, e in errors:
            if not peaks or (e > 0) != (peaks[-1][1] > 0):
                peaks.append((x, e))
            elif abs(e) > abs(peaks[-1][1]):
                peaks[-1] = (x, e)
        while len(peaks) > count:
            peaks.pop(0 if abs(peaks[0][1]) < abs(peaks[-1][1]) else -1)
        if len(peaks) < count or largest < abs(level) * mpf("1.001"):
            break
        nodes = [x for x, _ in peaks]
    return p, largest


def shortest(value, code):
    """The shortest decimal that rounds to the same float (code "f") or double ("d") as the value."""
    bits = struct.pack(code, float(value))
    (rounded,) = struct.unpack(code, bits)
    texts = (f"{rounded:.{digits}g}" for digits in range(1, 18))
    return next(text for text in texts if struct.pack(code, float(text)) == bits)


def tables(kind, code, unit, exp_degree, ln_degree, near_degree, far_degree, middle, end):
    """One precision's four tables. A weight turns the polynomial's error into a relative error of the function."""
    half_ln_2 = log(2) / 2 + mpf("1e-4")
    s = (sqrt(2) - 1) / (sqrt(2) + 1) + mpf("1e-5")
    tiny, middle, end = mpf("1e-12"), mpf(middle), mpf(end)
    # The weights of the first two are kept above zero, and the first interval uneven, so that the system has a solution.
    fits = [
        ("EXP", lambda r: (expm1(r) - r) / r**2, lambda r: sqrt(r**2 + mpf("0.001")),
         -half_ln_2, half_ln_2 * mpf("1.004"), exp_degree),
        ("LN", lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z, lambda z: z / 2 + mpf("1e-4"), tiny, s**2, ln_degree),
        ("ERF_NEAR", lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), tiny, middle**2, near_degree),
        ("ERF_FAR", lambda t: log(erfc(t)), lambda t: erfc(t) / erf(t), middle, end, far_degree),
    ]
    for name, f, weight, a, b, degree in fits:
        p, error = remez(f, weight, a, b, degree)
        print(f"{kind} {name} ({mp.nstr(error / unit, 2)} ulp):", ", ".join(shortest(c, code) for c in p))


tables("f32", "f", mpf(2) ** -23, 4, 2, 5, 7, "0.9", "4")
tables("f64", "d", mpf(2) ** -52, 10, 6, 12, 17, "1", "6")
