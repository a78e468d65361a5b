"""Tasks: what a table of data asks of network and loss, and what their answers are worth."""

try:
    import sklearn as _sklearn  # noqa: F401 - only to see whether it is there
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'this needs {missing.name}: pip install "lossary[compare]"', name=missing.name
    ) from missing
