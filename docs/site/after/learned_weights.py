# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# What each loss is multiplied by grows as the loss falls.

from matplotlib import pyplot as plt


class Coefficients(Callback):
    """Keep the coefficients of every epoch."""

    def __init__(self, loss):
        self.loss, self.found = loss, []

    def on_epoch_end(self, run):
        self.found.append([self.loss.coefficient(name) for name in self.loss.losses])


torch.manual_seed(0)
network = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
loss = UncertaintyWeightedSum({"side": SideLoss(), "distance": DistanceLoss()})
kept = Coefficients(loss)
Model(network, loss, functools.partial(torch.optim.Adam, lr=0.01)).train(
    20, make_data(), [kept], progress=False
)
figure, axes = plt.subplots(figsize=(6, 4))
for name, coefficients in zip(loss.losses, zip(*kept.found, strict=True), strict=True):
    axes.plot(range(1, 21), coefficients, label=name)
axes.set(xlabel="epoch", ylabel="coefficient")
axes.legend(frameon=False)
plt.show()
