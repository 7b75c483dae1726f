"""Quality: the suites that guard canonical tables, the quarantine of what fails, and the balance of every load."""
