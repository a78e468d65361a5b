# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# The points and their two labels: the side, and the distance from the origin.

from matplotlib import pyplot as plt

x, side, distance = make_data()
figure, axes = plt.subplots(figsize=(6, 4))
for label, marker in ((0, "o"), (1, "^")):
    there = side == label
    shown = axes.scatter(
        *x[there].T, c=distance[there], marker=marker, vmin=0, vmax=3.5, label=f"side {label}"
    )
figure.colorbar(shown, label="distance")
axes.set(aspect="equal")
axes.legend(frameon=False)
plt.show()
