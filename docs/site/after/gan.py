# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# The ring, and what the generator makes of noise.

import contextlib

from matplotlib import pyplot as plt

with contextlib.redirect_stdout(None):
    made = train("non_saturating", 1500)
real = ring(1000, Generator().manual_seed(1))
figure, axes = plt.subplots(figsize=(4.6, 4.6))
axes.scatter(*made.T, s=6, color="#D55E00", label="generated")
axes.scatter(*real.T, s=3, color="#0072B2", label="real")
axes.set(aspect="equal")
axes.legend(frameon=False, loc="center")
plt.show()
