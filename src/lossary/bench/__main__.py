"""A process of the benchmark."""

from .worker import main

main()
