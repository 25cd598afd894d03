"""Writes the NPY and NPZ files of the folder arrays/, with numpy 2.4.6. Run with: python arrays.py"""

from pathlib import Path

import numpy as np

OUT = Path(__file__).parent / "arrays"
OUT.mkdir(exist_ok=True)


def save(name, array, **options):
    np.save(OUT / f"{name}.npy", array, **options)


table = np.array([[1.5, -2.0, 3.0], [4.0, 5.0, 6.25]])
save("f8", table)
save("f8-fortran", np.asfortranarray(table))
save("f4-big-endian", table.astype(">f4"))
# The largest half, the smallest one above 0, and what is no number.
save("f2", np.array([0.0, 1.0, -2.5, 65504.0, 2.0**-24, np.inf, np.nan], dtype=np.float16))
save("u1", np.array([[0, 1], [128, 255]], dtype=np.uint8))
save("u8-large", np.array([1, 2**63], dtype=np.uint64))
save("i1", np.array([-128, 127], dtype=np.int8))
save("u2", np.array([0, 65535], dtype=np.uint16))
save("u4", np.array([0, 4294967295], dtype=np.uint32))
save("i4-fortran", np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)))
save("i8-big-endian", np.array([-5, 2**40], dtype=">i8"))
save("bool", np.array([True, False, True]))
save("str", np.array(["chat", "été", ""]))
save("str-big-endian", np.array(["chat", "été", ""]).astype(">U4"))
save("bytes", np.array([b"cat", b"dog"]))
save("scalar", np.array(7.5))
save("empty", np.zeros((0, 3), dtype=np.float32))
save("object", np.array(["a", 1], dtype=object), allow_pickle=True)
save("records", np.array([(1.0, 2)], dtype=[("a", "<f4"), ("b", "<i4")]))
save("complex", np.array([1 + 2j]))
save("dates", np.array(["2024-01-31"], dtype="datetime64[D]"))
save("one-hot", np.eye(3, dtype=np.float32)[[2, 0, 1, 1]])

rng = np.random.default_rng(5)
y = np.arange(30) % 3
x = (rng.normal(size=(30, 4)) + 3 * y[:, None]).astype(np.float32)
np.savez(OUT / "plain.npz", x=x, y=y)
np.savez_compressed(OUT / "tested.npz", x=x[:24], y=y[:24], x_test=x[24:], y_test=y[24:])
np.savez_compressed(OUT / "keras.npz", x_train=x[:24], y_train=y[:24, None], x_test=x[24:], y_test=y[24:, None])
images = np.where(y[:, None, None, None] == 1, 250, 5) + np.arange(8 * 6 * 3).reshape(8, 6, 3) % 5
np.savez_compressed(OUT / "images.npz", x=images.astype(np.uint8), y=np.where(y == 1, "bright", "dark"))
