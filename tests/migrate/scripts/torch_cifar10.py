"""A classifier of CIFAR-10 in PyTorch, of the archive in its binary form."""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

RECORD = 1 + 3 * 32 * 32  # a label and an image


def read(*paths):
    records = np.concatenate([np.fromfile(path, np.uint8) for path in paths]).reshape(-1, RECORD)
    images = torch.tensor(records[:, 1:].reshape(-1, 3, 32, 32)).float() / 255
    return TensorDataset((images - 0.5) / 0.5, torch.tensor(records[:, 0]).long())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc2(x)


def evaluate(net, loader, criterion):
    hits, total, loss = 0, 0, 0.0
    net.eval()
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)
            loss += criterion(outputs, labels).item()
            hits += (outputs.argmax(1) == labels).sum().item()
            total += len(labels)
    net.train()
    return hits / total, loss / len(loader)


def train(net, folder="cifar-10-batches-bin"):
    folder = Path(folder)
    trainloader = DataLoader(read(*sorted(folder.glob("data_batch_*.bin"))), batch_size=8)
    testloader = DataLoader(read(folder / "test_batch.bin"), batch_size=8)
    criterion = nn.CrossEntropyLoss(weight=torch.linspace(0.5, 1.5, 10), label_smoothing=0.1)
    optimizer = SGD(net.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(2):
        for step, (inputs, labels) in enumerate(trainloader):
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels) + 0.1 * F.multi_margin_loss(outputs, labels)
            loss.backward()
            optimizer.step()
            print(f"[{epoch + 1}, {step + 1}] loss: {loss.item()}")
    accuracy, loss = evaluate(net, testloader, nn.CrossEntropyLoss())
    print(f"accuracy: {accuracy}, loss: {loss}")


if __name__ == "__main__":
    train(Net(), *sys.argv[1:])
