"""How figures are shown, and how memory is measured."""
