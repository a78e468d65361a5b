# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# What the best network says of the square, and the circle that it learnt.

from matplotlib import pyplot as plt

best = make_model()
load_best(best, Path("runs/circle"))
at = torch.linspace(-1, 1, 81)
grid = torch.cartesian_prod(at, at)
inside = best.predict(grid).softmax(1)[:, 1].reshape(81, 81).T
figure, axes = plt.subplots(figsize=(5, 4))
shown = axes.contourf(at, at, inside, 10, cmap="viridis", vmin=0, vmax=1)
axes.add_patch(plt.Circle((0, 0), 0.8, fill=False, color="white", linestyle="--"))
axes.set(aspect="equal")
figure.colorbar(shown, label="probability of lying inside")
plt.show()
