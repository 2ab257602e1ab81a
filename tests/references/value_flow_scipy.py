#!/usr/bin/python3
"""Prints tests/references/value_flow.json: p, a and V at time t of the
value-softmax flow, by SciPy (DOP853 and Radau, rtol 1e-12), for every loss and
every normalisation.

    tests/references/value_flow_scipy.py > tests/references/value_flow.json

Needs Debian's python3-scipy; the tests need only what it printed.  Written from
the equations V' = -g p', a' = (dp/da)' w, w = -V'g, with dp/da as a matrix.
"""
import json
import sys

import numpy as np
from scipy.integrate import solve_ivp

SEED = 20260308
RTOL, ATOL = 1e-12, 1e-14


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def share(f, df):
    """p_i = f(a_i) / sum f and dp/da, entry (i, j) = dp_i / da_j."""
    def sigma(a):
        v, s = f(a), f(a).sum()
        return v / s, (np.diag(df(a)) - np.outer(v / s, df(a))) / s
    return sigma


def logistic_gates(a):
    p = 1 / (1 + np.exp(-a))
    return p, np.diag(p * (1 - p))


NORMALISATIONS = {
    "softmax": share(lambda a: np.exp(a - a.max()),
                     lambda a: np.exp(a - a.max())),
    "l1": share(np.abs, np.sign),
    "l2": share(np.square, lambda a: 2 * a),
    "sum": share(lambda a: a, np.ones_like),
    "relu": share(lambda a: np.maximum(a, 0), lambda a: (a > 0) * 1.0),
    "sigmoid": logistic_gates,
}


def gradient(case):
    """z -> gradient of the loss."""
    b, X, y = (np.array(case[k]) if k in case else None
               for k in ("target", "matrix", "labels"))
    if case["loss"] == "logistic" and y is not None:
        return lambda z: -(X.T @ (y / (1 + np.exp(y * (X @ z))))) / len(y)
    return {
        "logistic": lambda z: -b / (1 + np.exp(b @ z)),
        "exponential": lambda z: -b * np.exp(-(b @ z)),
        "square": lambda z: z - b,
        "quadratic": lambda z: 2 * X.T @ (X @ z - b),
        "cross-entropy": lambda z: softmax(z) - b,
    }[case["loss"]]


def solve(case, method):
    V, a = np.array(case["V0"]), np.array(case["a0"])
    d, n = V.shape
    grad, sigma = gradient(case), NORMALISATIONS[case["normalisation"]]

    def rhs(_, x):
        V, (p, slope) = x[:d * n].reshape(d, n), sigma(x[d * n:])
        g = grad(V @ p)
        return np.concatenate((-np.outer(g, p).ravel(), -slope.T @ (V.T @ g)))

    found = solve_ivp(rhs, (0, case["t"]), np.concatenate((V.ravel(), a)),
                      method=method, rtol=RTOL, atol=ATOL)
    assert found.success, found.message
    return found.y[:, -1]


def draw(rng, loss, d, n, t, v_scale, a_scale, m=0, normalisation="softmax"):
    case = {"loss": loss, "normalisation": normalisation, "t": t,
            "V0": (v_scale * rng.standard_normal((d, n))).tolist(),
            # the other normalisations want positive numbers
            "a0": (a_scale * rng.standard_normal(n) +
                   (normalisation != "softmax")).tolist()}
    if loss == "logistic" and m:
        case["matrix"] = rng.standard_normal((m, d)).tolist()
        case["labels"] = rng.choice([-1, 1], m).tolist()
        return case
    target = rng.standard_normal(m or d)
    if loss == "quadratic":
        case["matrix"] = rng.standard_normal((m, d)).tolist()
    if loss == "cross-entropy":
        target = softmax(2 * target)
    case["target"] = target.tolist()
    return case


def main():
    rng = np.random.default_rng(SEED)
    cases = [draw(rng, *row) for row in (
        ("logistic", 5, 4, 200.0, 0.3, 0.5),
        ("logistic", 1, 2, 1000.0, 1.0, 1.0),
        ("logistic", 3, 6, 40.0, 0.5, 0.2, 12),
        ("exponential", 3, 5, 60.0, 0.4, 0.3),
        ("square", 4, 7, 25.0, 1.0, 1.0),
        ("square", 2, 2, 6.0, 2.0, 0.5),
        ("quadratic", 4, 3, 10.0, 0.5, 0.5, 6),
        ("cross-entropy", 6, 5, 80.0, 0.5, 0.5),
        ("exponential", 2, 8, 30.0, 0.7, 1.0),
        ("logistic", 4, 5, 20.0, 0.2, 0.1, 0, "l1"),
        ("logistic", 4, 5, 20.0, 0.2, 0.1, 0, "l2"),
        ("square", 3, 4, 5.0, 0.2, 0.1, 0, "sum"),
        ("square", 3, 4, 5.0, 0.2, 0.1, 0, "relu"),
        ("logistic", 4, 5, 20.0, 0.2, 0.1, 0, "sigmoid"),
    )]
    for k, case in enumerate(cases):
        explicit, implicit = solve(case, "DOP853"), solve(case, "Radau")
        apart = np.abs(explicit - implicit).max()
        print(k, case["loss"], case["normalisation"], "Radau differs by",
              apart, file=sys.stderr)
        assert apart < 2e-9
        d, n = np.shape(case["V0"])
        a = explicit[d * n:]
        case.update(V=explicit[:d * n].reshape(d, n).tolist(), a=a.tolist(),
                    p=NORMALISATIONS[case["normalisation"]](a)[0].tolist())
    json.dump({"what": "value-softmax flow at t by SciPy's DOP853, rtol %g; "
                       "Radau agrees to 2e-9" % RTOL,
               "seed": SEED, "cases": cases}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
