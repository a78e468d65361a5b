# ruff: noqa: F821 - the names are those of the example that this is put after

# %%
# Some of the lines.

from matplotlib import pyplot as plt

images, labels = make_lines(8, seed=1)
figure, axes = plt.subplots(4, 2, figsize=(6, 4), layout="constrained")
for place, image, label in zip(axes.flat, images, labels, strict=True):
    place.imshow(image[0], cmap="gray_r")
    place.set_title(f"turned by {DIRECTIONS[label]} degrees", fontsize=9)
    place.set_axis_off()
plt.show()
