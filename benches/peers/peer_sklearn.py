"""scikit-learn: the dense workload with its MLPClassifier, plain gradient descent."""

import common
import numpy as np
from sklearn.neural_network import MLPClassifier


def main():
    options = common.options()
    if options.workload != "dense":
        common.unsupported(options.workload)
    dtype = {"f32": np.float32, "f64": np.float64}[options.dtype]
    x, y = common.training_data(options, dtype)
    # Its loss is the mean over the batch, so its rate is 64 times that of the sum.
    network = MLPClassifier(
        (128,), activation="tanh", solver="sgd", alpha=0.0, batch_size=64, momentum=0.0,
        learning_rate_init=64 * common.RATE["dense"], random_state=1,
    )
    classes = np.arange(10)
    common.turns(options, lambda: network.partial_fit(x, y, classes=classes))
    common.report(loss=float(network.loss_))


main()
