"""Alerts that are provoked for real."""
