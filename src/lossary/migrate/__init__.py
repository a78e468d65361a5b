"""The losses of other frameworks on torch tensors: their names, arguments and numbers."""
