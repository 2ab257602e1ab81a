"""The peer of bench_flow: SciPy's DOP853 on the same start.

Reads d, n, m, t, rtol, atol, runs, then X (m x d), y (m), V (d x n), a (n),
numbers in that order; prints right-hand sides, the times of the runs, then the
final V and a.
"""
import sys
import time

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import expit

words = iter(sys.stdin.read().split())
d, n, m = (int(next(words)) for _ in range(3))
t_end, rtol, atol = (float(next(words)) for _ in range(3))
runs = int(next(words))
numbers = np.array([float(w) for w in words])
X, numbers = numbers[:m * d].reshape(m, d), numbers[m * d:]
y, start = numbers[:m], numbers[m:]
yX = y[:, None] * X / m


def rhs(t, x):
    V, a = x[:-n].reshape(d, n), x[-n:]
    p = np.exp(a - a.max())
    p /= p.sum()
    g = -(expit(-m * (yX @ (V @ p))) @ yX)
    w = -(g @ V)
    return np.concatenate([-np.outer(g, p).ravel(), p * (w - p @ w)])


times = []
for _ in range(runs):
    begin = time.process_time()
    end = solve_ivp(rhs, (0, t_end), start, "DOP853", [t_end], rtol=rtol,
                    atol=atol)
    times.append(time.process_time() - begin)
print(end.nfev)
print(*times)
print(*(repr(float(v)) for v in end.y[:, -1]))
