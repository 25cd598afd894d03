"""Writes the image files of the folder images/ and images.json, what Pillow 13.0.0 reads in them. Run with: python images.py"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).parent / "images"
OUT.mkdir(exist_ok=True)

h, w = 12, 17
row, column = np.mgrid[0:h, 0:w]
red, green, blue = 14 * column, 20 * row, 128 + 100 * np.sin(row / 3) * np.cos(column / 4)
colour = np.stack([red, green, blue], axis=2).astype(np.uint8)
grey = blue.astype(np.uint8)
alpha = (255 - 10 * column).astype(np.uint8)

made = {
    "grey.png": Image.fromarray(grey),
    "colour.png": Image.fromarray(colour),
    "palette.png": Image.fromarray(colour).quantize(16),
    "alpha.png": Image.fromarray(np.dstack([colour, alpha])),
    "palette-alpha.png": Image.fromarray(colour).quantize(16),
    "grey-alpha.png": Image.fromarray(np.dstack([grey, alpha])),
    "one-bit.png": Image.fromarray(grey).convert("1"),
    "grey.jpg": Image.fromarray(grey),
    "colour.jpg": Image.fromarray(colour),
    "progressive.jpeg": Image.fromarray(colour),
}
about = {}
for name, image in made.items():
    options = {"quality": 90, "subsampling": 0, "progressive": name[0] == "p"} if "jp" in name else {}
    if name == "palette-alpha.png":
        options = {"transparency": bytes(range(0, 256, 16))}
    image.save(OUT / name, **options)
    read = Image.open(OUT / name)
    if read.has_transparency_data:
        # What is transparent lets white through.
        white = Image.new("RGBA", read.size, "white")
        read = Image.alpha_composite(white, read.convert("RGBA")).convert("RGB")
    about[name] = {
        "size": [read.height, read.width],
        "grey": list(read.convert("L").tobytes()),
        "rgb": list(read.convert("RGB").tobytes()),
    }
smooth = Image.open(OUT / "grey.png")
for height, width in [(6, 8), (5, 17), (24, 34), (12, 3), (1, 1)]:
    resized = smooth.resize((width, height), Image.BILINEAR)
    about[f"grey.png as {height}x{width}"] = {"size": [height, width], "grey": list(resized.tobytes())}
# As large as needed to cover 6 x 6, then the middle of it.
about["grey.png cropped to 6x6"] = {
    "size": [6, 6],
    "grey": list(smooth.resize((6, 6), Image.BILINEAR, box=(2.5, 0, 14.5, 12)).tobytes()),
}
(OUT.parent / "images.json").write_text(json.dumps(about, separators=(",", ":")) + "\n")
