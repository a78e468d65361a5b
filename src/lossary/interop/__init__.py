"""Integrations: losses of this library in the training tools of others; see docs/integrations."""
