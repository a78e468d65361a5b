# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# The points, and the line that was fitted to them.

from matplotlib import pyplot as plt

torch.manual_seed(0)
line = nn.Linear(1, 1)
momentum = functools.partial(torch.optim.SGD, lr=0.005, momentum=0.9)
x, y = make_data()
Model(line, AbsoluteError(), momentum).train(30, (x, y), progress=False, batch_size=16)
figure, axes = plt.subplots(figsize=(6, 4))
axes.scatter(x, y, s=12, color="#0072B2", label="data")
axes.axline((0, line.bias.item()), slope=line.weight.item(), color="#D55E00", label="fitted")
axes.legend(frameon=False)
axes.set(xlabel="x", ylabel="y")
plt.show()
