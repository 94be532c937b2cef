"""Writes logistic_regression_reference.json: optima of scikit-learn's LogisticRegression.

Run it with scikit-learn and NumPy; the file says which versions it was made with.
"""
import json
from pathlib import Path

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression

CASES = []
for seed, (count, size, classes, l2) in enumerate([(30, 4, 3, 1.0), (24, 12, 2, 0.1), (40, 6, 5, 10.0)]):
    draw = numpy.random.default_rng(seed)
    labels = numpy.arange(count) % classes
    vectors = draw.normal(size=(count, size)).round(4) + labels[:, None] * 0.3
    # Two classes would be fitted as one score; a third one without vectors is not allowed, so all are multinomial.
    model = LogisticRegression(C=1 / l2, tol=1e-12, max_iter=100_000, solver="lbfgs")
    model.fit(vectors, labels)
    scores = model.decision_function(vectors)
    if classes == 2:
        # One weight w for two classes of weights +-w/2: the squares halve, so that it is fitted with half the pull.
        model = LogisticRegression(C=2 / l2, tol=1e-12, max_iter=100_000, solver="lbfgs").fit(vectors, labels)
        scores = model.decision_function(vectors)
        scores = numpy.stack([-scores / 2, scores / 2], axis=1)
        squares = (model.coef_**2).sum() / 2
    else:
        squares = (model.coef_**2).sum()
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probabilities = shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probabilities[numpy.arange(count), labels].sum() + l2 / 2 * squares
    CASES.append({
        "size": size, "classes": classes, "l2": l2,
        "vectors": vectors.ravel().tolist(), "labels": labels.tolist(),
        "loss": float(loss), "log_probabilities": log_probabilities.ravel().tolist(),
    })

file = Path(__file__).with_suffix(".json")
file.write_text(json.dumps({"sklearn": sklearn.__version__, "cases": CASES}) + "\n")
