"""Writes optim.json: what PyTorch gives where the golden cases have nothing. Run with: python optim.py > optim.json

Optimisers: the parameters after each of `steps` steps on given gradients, in float64. Schedules: the rate that each step uses.
"""

import json
import math

import torch

torch.set_default_dtype(torch.float64)  # else NAdam keeps its product of momenta in f32
from torch import optim
from torch.optim import lr_scheduler as lrs

STEPS = 12
START = [0.5, -1.25, 2.0, 0.0, -0.75, 1.5]
# Smooth, changing sign, one entry always zero and one growing.
GRADIENTS = [
    [math.sin(1 + k) * 0.5, math.cos(2 * k) * 2, 0.0, 0.01 * (k + 1), -1.0, (-1) ** k * 0.25] for k in range(STEPS)
]

OPTIMIZERS = [
    ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.01)),
    ("Adam", dict(lr=0.05, amsgrad=True, weight_decay=0.1, betas=(0.8, 0.7))),
    ("AdamW", dict(lr=0.05, amsgrad=True, weight_decay=0.1, betas=(0.8, 0.7))),
    ("NAdam", dict()),
    ("NAdam", dict(lr=0.05, weight_decay=0.1, momentum_decay=0.1, betas=(0.8, 0.9), eps=1e-4)),
    ("NAdam", dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)),
    ("RMSprop", dict(lr=0.05, centered=True, alpha=0.8, weight_decay=0.1)),
    ("RMSprop", dict(lr=0.05, centered=True, alpha=0.8, momentum=0.5)),
    ("Adagrad", dict()),
    ("Adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    ("Adadelta", dict()),
    ("Adadelta", dict(lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1)),
]


def trajectory(name, arguments):
    parameter = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(optim, name)([parameter], foreach=False, **arguments)
    after = []
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        after.append(parameter.tolist())
    return dict(description=dict(type=name, **arguments), after=after)


def averaged(decay):
    """The exponential moving average of the parameters under plain SGD."""
    parameter = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(parameter)
    average = optim.swa_utils.AveragedModel(module, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(decay))
    optimizer = optim.SGD(module.parameters(), lr=0.1)
    after = []
    for gradient in GRADIENTS:
        module.weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        average.update_parameters(module)
        after.append(average.module.weight.tolist())
    return dict(decay=decay, after=after)


SCHEDULES = [
    dict(type="CosineAnnealingWarmRestarts", T_0=5),
    dict(type="CosineAnnealingWarmRestarts", T_0=3, T_mult=2, eta_min=0.01),
    dict(type="CosineAnnealingLR", T_max=7, eta_min=0.02),
    dict(type="MultiStepLR", milestones=[4, 4, 9], gamma=0.5),
    dict(type="LinearLR"),
    dict(type="ConstantLR"),
    dict(type="PolynomialLR"),
    dict(type="OneCycleLR", max_lr=0.5, total_steps=25, anneal_strategy="linear", cycle_momentum=False),
    dict(type="OneCycleLR", max_lr=0.5, total_steps=25, three_phase=True, pct_start=0.4),
    dict(type="OneCycleLR", max_lr=0.5, total_steps=25, pct_start=0.01),
    dict(
        type="SequentialLR",
        milestones=[4, 11],
        schedulers=[
            dict(type="LinearLR", start_factor=0.1, total_iters=4),
            dict(type="CosineAnnealingLR", T_max=7),
            dict(type="ExponentialLR", gamma=0.8),
        ],
    ),
    dict(
        type="ChainedScheduler",
        schedulers=[
            dict(type="ConstantLR", factor=0.25, total_iters=4),
            dict(type="ExponentialLR", gamma=0.9),
            dict(type="CosineAnnealingLR", T_max=40),
        ],
    ),
]
PLATEAUS = [
    dict(type="ReduceLROnPlateau", patience=1, factor=0.5, cooldown=2),
    dict(type="ReduceLROnPlateau", patience=2, factor=0.5, threshold_mode="abs", threshold=0.05, min_lr=0.03),
    dict(type="ReduceLROnPlateau", patience=0, factor=0.1, mode="max", threshold=0.1),
    dict(type="ReduceLROnPlateau", patience=0, factor=0.1, mode="max", threshold_mode="abs", threshold=0.1, eps=0.0005),
]
METRICS = [1.0, 0.9, 0.88, 0.9, 0.91, 0.89, 0.8, 0.82, 0.83, 0.84, 0.85, 0.86, 0.5, 0.5, 0.49, 0.6, 0.7, 0.7, 0.7, 0.7]


def build(optimizer, description):
    arguments = {name: value for name, value in description.items() if name != "type"}
    kind = description["type"]
    if "schedulers" in arguments:
        members = [build(optimizer, member) for member in arguments.pop("schedulers")]
        if kind == "ChainedScheduler":
            return lrs.ChainedScheduler(members, optimizer=optimizer)
        return lrs.SequentialLR(optimizer, members, **arguments)
    return getattr(lrs, kind)(optimizer, **arguments)


def rates(description, metrics=None, steps=25):
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = optim.SGD([parameter], lr=0.1, momentum=0.5)
    schedule = build(optimizer, description)
    all_rates, momentums = [], []
    for step in range(len(metrics) if metrics else steps):
        all_rates.append(optimizer.param_groups[0]["lr"])
        momentums.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step + 1 < steps:
            schedule.step(*([metrics[step]] if metrics else []))
    return dict(description=description, rates=all_rates, momentums=momentums)


print(
    json.dumps(
        dict(
            torch=torch.__version__,
            start=START,
            gradients=GRADIENTS,
            optimizers=[trajectory(*case) for case in OPTIMIZERS],
            average=averaged(0.8),
            schedules=[rates(case) for case in SCHEDULES],
            metrics=METRICS,
            plateaus=[rates(case, METRICS) for case in PLATEAUS],
        ),
        indent=0,
    )
)
