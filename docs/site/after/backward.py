# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# The derivative -8 is the slope of the loss along the weight, at the weight 1.

from matplotlib import pyplot as plt

weights = torch.linspace(-1, 5, 101)
points, wanted = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
losses = [mse_loss(weight * points, wanted) for weight in weights]
figure, axes = plt.subplots(figsize=(6, 4))
axes.plot(weights, losses, color="#0072B2", label="the loss, with a bias of 0")
axes.axline((1, 6.5), slope=-8, color="#D55E00", linestyle="--", label="slope -8")
axes.plot(1, 6.5, "o", color="#D55E00")
axes.set(xlabel="weight", ylabel="loss", ylim=(-2, 27))
axes.legend(frameon=False)
plt.show()
