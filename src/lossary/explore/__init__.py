"""Pictures of losses: a page to explore them, figures for notebooks, decision landscapes."""

from .landscape import landscape as landscape, training_film as training_film
from .page import explore as explore, render as render
from .plotting import plot as plot
