"""Writes the golden cases of the losses that tests/golden/losses.json does not have: losses_more.json and .safetensors.

    python tools/golden_losses.py tests/golden

Needs PyTorch and NumPy. PyTorch in float64 is the oracle; where torch.nn has no such loss (tag `composed`) the formula is
written out in PyTorch's operations and differentiated by its autograd. The tolerances come from PyTorch's own error in float32.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

random = np.random.default_rng(20240607)
tensors, cases = {}, []


def draw(*shape, low=-3.0, high=3.0):
    """Numbers that an f32 holds exactly."""
    return random.uniform(low, high, shape).astype(np.float32).astype(np.float64)


def rounded(x):
    return x.astype(np.float32).astype(np.float64)


def focal(x, y, reduction, gamma=2.0, weight=None, ignore_index=-100):
    log_p = F.log_softmax(x, 1)
    kept = y != ignore_index
    at = log_p.gather(1, torch.where(kept, y, 0).unsqueeze(1)).squeeze(1)
    w = torch.ones_like(at) if weight is None else weight[torch.where(kept, y, 0)]
    w = torch.where(kept, w, torch.zeros_like(w))
    terms = -w * (1 - at.exp()) ** gamma * at
    return {"none": terms, "sum": terms.sum(), "mean": terms.sum() / w.sum()}[reduction]


def sigmoid_focal(x, y, reduction, alpha=0.25, gamma=2.0):
    """torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    p_t = p * y + (1 - p) * (1 - y)
    terms = F.binary_cross_entropy_with_logits(x, y, reduction="none") * (1 - p_t) ** gamma
    if alpha >= 0:
        terms = (alpha * y + (1 - alpha) * (1 - y)) * terms
    return reduced(terms, reduction)


def hinge(x, y, reduction, margin=1.0):
    return reduced(torch.clamp(margin - y * x, min=0), reduction)


def sample_weighted(x, rows, reduction, loss):
    options = dict(loss)
    name, _ = options.pop("name"), options.pop("reduction", None)
    w = rows[:, 0]
    if name == "CrossEntropyLoss":
        terms, count = F.cross_entropy(x, rows[:, 1].long(), reduction="none", **options), 1
    else:
        y = rows[:, 1:].reshape(x.shape)
        terms, count = getattr(F, {"SmoothL1Loss": "smooth_l1_loss"}[name])(x, y, reduction="none", **options), x[0].numel()
    terms = terms * w.reshape(-1, *[1] * (terms.dim() - 1))
    return {"none": terms, "sum": terms.sum(), "mean": terms.sum() / (w.sum() * count)}[reduction]


def reduced(terms, reduction):
    return {"none": terms, "sum": terms.sum(), "mean": terms.mean()}[reduction]


FUNCTIONS = {
    "L1Loss": F.l1_loss,
    "SmoothL1Loss": F.smooth_l1_loss,
    "HuberLoss": F.huber_loss,
    "KLDivLoss": F.kl_div,
    "HingeEmbeddingLoss": F.hinge_embedding_loss,
    "MultiMarginLoss": F.multi_margin_loss,
    "HingeLoss": hinge,
    "FocalLoss": focal,
    "SigmoidFocalLoss": sigmoid_focal,
    "SampleWeighted": sample_weighted,
}


def run(op, x, y, config, weight, upstream, dtype):
    x = torch.tensor(x, dtype=dtype, requires_grad=True)
    y = torch.tensor(y) if y.dtype == np.int64 else torch.tensor(y, dtype=dtype)
    options = dict(config)
    options["reduction"] = options.get("reduction", options.get("loss", {}).get("reduction", "mean"))
    if weight is not None:
        options["weight"] = torch.tensor(weight, dtype=dtype)
    output = FUNCTIONS[op](x, y, **options)
    output.backward(None if upstream is None else torch.tensor(upstream, dtype=dtype))
    return output.detach().double().numpy(), x.grad.double().numpy()


def case(name, op, x, y, config=None, weight=None, tags=()):
    config = config or {}
    reduction = config.get("reduction", config.get("loss", {}).get("reduction", "mean"))
    upstream = None
    if reduction == "none":
        upstream = draw(*FUNCTIONS[op](torch.tensor(x), torch.tensor(y), **{**config, "reduction": "none"}).shape)
    double = run(op, x, y, config, weight, upstream, torch.float64)
    single = run(op, x, y, config, weight, upstream, torch.float32)
    slots = {}

    def put(slot, array, **extra):
        slots[slot] = {"shape": list(array.shape), "dtype": "I64" if array.dtype == np.int64 else "F64", **extra}
        tensors[f"{name}/{slot}"] = array

    put("input", x)
    put("target", y)
    if weight is not None:
        put("config.weight", weight)
    if upstream is not None:
        put("grad_output", upstream)
    for slot, want, coarse in zip(("output", "grad_input"), double, single):
        scale, error = np.abs(want).max(initial=1e-3), np.abs(want - coarse).max(initial=0.0)
        put(slot, want, check=True, atol_f64=float(scale * 2.0**-45), atol_f32=float(8 * error + scale * 2.0**-20))
    cases.append({"name": name, "kind": "loss", "op": op, "config": config, "tags": list(tags), "needs": [], "slots": slots})


x, y = draw(4, 3), draw(4, 3)
y[1, 1] = x[1, 1]
for reduction in ("mean", "sum", "none"):
    case(f"l1_{reduction}", "L1Loss", x, y, {"reduction": reduction}, tags=["kink"])
    case(f"smooth_l1_{reduction}", "SmoothL1Loss", x, y, {"reduction": reduction})
    case(f"huber_{reduction}", "HuberLoss", x, y, {"reduction": reduction})
case("smooth_l1_beta", "SmoothL1Loss", x, y, {"beta": 2.5})
case("smooth_l1_beta_0", "SmoothL1Loss", x, y, {"beta": 0.0}, tags=["kink"])
case("huber_delta", "HuberLoss", x, y, {"delta": 0.375})
case("huber_4d", "HuberLoss", draw(2, 3, 2, 2), draw(2, 3, 2, 2))

log_p = rounded(np.log(random.dirichlet(np.ones(5), 4)))
share = rounded(random.dirichlet(np.ones(5), 4))
share[0] = [0, 1, 0, 0, 0]
for reduction in ("mean", "batchmean", "sum", "none"):
    case(f"kl_{reduction}", "KLDivLoss", log_p, share, {"reduction": reduction})
    log_share = rounded(np.log(random.dirichlet(np.ones(5), 4)))
    case(f"kl_log_target_{reduction}", "KLDivLoss", log_p, log_share, {"reduction": reduction, "log_target": True})

sign = np.where(draw(5, 2) > 0, 1.0, -1.0)
for reduction in ("mean", "sum", "none"):
    case(f"hinge_{reduction}", "HingeLoss", draw(5, 2), sign, {"reduction": reduction}, tags=["composed"])
    case(f"hinge_embedding_{reduction}", "HingeEmbeddingLoss", draw(5, 2), sign, {"reduction": reduction})
case("hinge_margin", "HingeLoss", draw(5, 2), sign, {"margin": 2.5}, tags=["composed"])
case("hinge_embedding_margin", "HingeEmbeddingLoss", draw(5, 2), sign, {"margin": 2.5})

label = np.array([2, 0, 3, 3, 1], dtype=np.int64)
class_weight = np.array([0.5, 2.0, 1.25, 0.0])
for reduction in ("mean", "sum", "none"):
    case(f"multi_margin_{reduction}", "MultiMarginLoss", draw(5, 4), label, {"reduction": reduction})
    case(f"focal_{reduction}", "FocalLoss", draw(5, 4), label, {"reduction": reduction}, tags=["composed"])
    yes = (draw(5, 2) > 0).astype(np.float64)
    case(f"sigmoid_focal_{reduction}", "SigmoidFocalLoss", draw(5, 2), yes, {"reduction": reduction}, tags=["composed"])
case("multi_margin_squared", "MultiMarginLoss", draw(5, 4), label, {"p": 2, "margin": 0.5}, class_weight)
case("multi_margin_weight", "MultiMarginLoss", draw(5, 4), label, {}, class_weight)
case("focal_gamma", "FocalLoss", draw(5, 4), label, {"gamma": 0.5}, tags=["composed"])
case("focal_gamma_0", "FocalLoss", draw(5, 4), label, {"gamma": 0.0}, tags=["composed"])
case("focal_weight_ignore", "FocalLoss", draw(5, 4), label, {"ignore_index": 3}, class_weight, tags=["composed"])
case("focal_pixels", "FocalLoss", draw(2, 4, 3), np.array([[0, 3, 2], [1, 1, 0]], dtype=np.int64), tags=["composed"])
case("sigmoid_focal_no_alpha", "SigmoidFocalLoss", draw(5, 2), yes, {"alpha": -1.0, "gamma": 1.5}, tags=["composed"])
case("sigmoid_focal_far", "SigmoidFocalLoss", draw(5, 2) * 16, yes, {"alpha": 0.75}, tags=["composed"])

sample_weight = np.array([0.5, 2.0, 0.0, 1.25, 3.0])
rows = np.column_stack([sample_weight, label])
for reduction in ("mean", "sum", "none"):
    loss = {"name": "CrossEntropyLoss", "reduction": reduction}
    case(f"sample_weight_classes_{reduction}", "SampleWeighted", draw(5, 4), rows, {"loss": loss}, tags=["composed"])
rows = np.column_stack([sample_weight, draw(5, 6)])
loss = {"name": "SmoothL1Loss"}
case("sample_weight_values", "SampleWeighted", draw(5, 2, 3), rows, {"loss": loss}, tags=["composed"])


def write(folder):
    header, data = {}, b""
    for key in sorted(tensors):
        array = np.asarray(tensors[key], order="C")  # ascontiguousarray would give a scalar an axis
        kind, raw = ("I64", array.astype("<i8")) if array.dtype == np.int64 else ("F64", array.astype("<f8"))
        header[key] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + raw.nbytes]}
        data += raw.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    content = struct.pack("<Q", len(text)) + text + data
    (folder / "losses_more.safetensors").write_bytes(content)
    manifest = {
        "schema": 1,
        "family": "losses_more",
        "about": "L1, smooth L1, Huber, KL divergence, hinges, focal losses, sample weights",
        "generator": "tools/golden_losses.py",
        "oracle": f"torch {torch.__version__.split('+')[0]} CPU",
        "tensors": "losses_more.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "count": len(cases),
        "cases": cases,
    }
    (folder / "losses_more.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(cases)} cases")


write(Path(sys.argv[1]))
