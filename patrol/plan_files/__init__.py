"""Writing and reading `plan.json`."""
