"""Prints the expected values of src/metrics/tests.rs, from scikit-learn on the small data written there.

    python tools/metrics_reference.py

Needs scikit-learn. Its calibration_curve gives the bins of the calibration error; the sum over them is written out here.
"""

import warnings

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
print("scikit-learn", sklearn.__version__)

# Four classes, of which 3 is never predicted; 4 does not occur at all.
truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3]
predicted = [0, 1, 0, 1, 1, 2, 0, 2, 2, 1]
print("confusion", metrics.confusion_matrix(truth, predicted, labels=range(5)).tolist())
print("accuracy", metrics.accuracy_score(truth, predicted))
print("by class", [list(map(float, row)) for row in metrics.precision_recall_fscore_support(truth, predicted)])
for average in ("macro", "micro", "weighted"):
    print(average, [float(x) for x in metrics.precision_recall_fscore_support(truth, predicted, average=average)[:3]])

# Scores with ties between and within the two sides.
scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.7, 0.4, 0.1, 0.65, 0.35]
yes = [0, 0, 1, 1, 1, 0, 0, 0, 1, 1]
print("roc_auc", metrics.roc_auc_score(yes, scores))
print("average_precision", metrics.average_precision_score(yes, scores))

# Rows add up to 1, which scikit-learn wants.
p = np.array(
    [
        [0.5, 0.25, 0.25],
        [0.125, 0.75, 0.125],
        [0.25, 0.375, 0.375],
        [0.625, 0.25, 0.125],
        [0.25, 0.25, 0.5],
        [0.375, 0.5, 0.125],
        [0.0, 0.0625, 0.9375],
        [0.3125, 0.4375, 0.25],
    ]
)
classes = [0, 1, 2, 1, 2, 0, 2, 0]
print("roc_auc one-vs-rest macro", metrics.roc_auc_score(classes, p, multi_class="ovr", average="macro"))
one_hot = np.eye(3)[classes]
print("average_precision macro", metrics.average_precision_score(one_hot, p, average="macro"))
distinct = p + np.arange(3) * 1e-6  # no ties: scikit-learn breaks them the other way round
print("top 1, 2, 3", [metrics.top_k_accuracy_score(classes, distinct, k=k, labels=range(3)) for k in (1, 2, 3)])

confidence, right = p.max(1), (p.argmax(1) == np.array(classes)).astype(int)
# Its bins are [b/5, (b+1)/5); no confidence here lies on an edge, so that ours are the same.
accuracy, mean = calibration_curve(right, confidence, n_bins=5, strategy="uniform")
counts = np.histogram(confidence, bins=5, range=(0, 1))[0]
print("calibration bins", counts.tolist(), accuracy.tolist(), mean.tolist())
print("calibration error", float((counts[counts > 0] * np.abs(accuracy - mean)).sum() / counts.sum()))

z = np.array([[0.5, -1.0], [2.25, 0.0], [-0.75, 1.5], [3.0, 4.0]])
y = np.array([[0.25, -1.5], [2.0, 0.5], [-1.0, 2.0], [3.5, 3.0]])
print("mse", metrics.mean_squared_error(y, z), "mae", metrics.mean_absolute_error(y, z), "r2", metrics.r2_score(y, z))
constant = np.array([[0.25, 1.0], [2.0, 1.0], [-1.0, 1.0], [3.5, 1.0]])
print("r2, constant column", metrics.r2_score(constant, z))
