"""Bad days of a rollout: files that are broken, late or replaced all the time, processes that are killed."""
