"""Recipes beside simple models: the same folds, paired, as tables."""
