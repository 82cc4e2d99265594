"""Answers for a person: phones by flags or from files, a model or a service, and what is shown."""
